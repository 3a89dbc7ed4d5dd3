import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { html, renderToString, trustMarkup, type HtmlValue } from '../../../shared/web/pages/html.ts';

describe('html', () => {
  it.each<[string, HtmlValue, string]>([
    ['escapes a tag', '<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['escapes both quotes', `"a" 'b'`, '&quot;a&quot; &#39;b&#39;'],
    ['escapes an ampersand once', 'a &amp; b', 'a &amp;amp; b'],
    ['nests markup as it is', html`<b>${'<'}</b>`, '<b>&lt;</b>'],
    ['joins arrays, nested ones too', ['<', [html`<i></i>`, undefined]], '&lt;<i></i>'],
    ['renders nothing for undefined', undefined, ''],
    ['renders nothing for false', false, ''],
    ['shows zero', 0, '0'],
    ['lets trusted constants through', trustMarkup('a > b'), 'a > b'],
  ])('%s', (_name, value, expected) => {
    expect(renderToString(html`<p>${value}</p>`)).toBe(`<p>${expected}</p>`);
  });

  it('keeps a hostile value inside its attribute', () => {
    expect(renderToString(html`<a title="${'" onclick="alert(1)'}"></a>`)).toBe(
      '<a title="&quot; onclick=&quot;alert(1)"></a>',
    );
  });

  it('refuses an attribute value without quotes', () => {
    // The formatter would put the quotes in, so the template is called as the function that it is.
    const parts = Object.assign(['<a title=', '></a>'], { raw: ['<a title=', '></a>'] });
    expect(() => html(parts, 'x')).toThrow(TypeError);
  });

  it('does not accept an object that looks like markup', () => {
    const forged = { toString: () => '<script>' };
    // @ts-expect-error only what html`` made is markup
    expect(() => renderToString(html`${forged}`)).toThrow(TypeError);
  });

  it('is bypassed only by the document', () => {
    const folder = new URL('../../../shared/web/pages/', import.meta.url);
    const files = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((file) =>
      file.endsWith('.ts'),
    );
    const users = files.filter((file) => readFileSync(new URL(file, folder), 'utf8').includes('trustMarkup'));
    expect(users).toEqual(['html.ts', 'renderDocument.ts']);
  });
});
