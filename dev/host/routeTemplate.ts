/** ASP.NET's route templates, as the Functions host uses them: `api/items/{id:int?}`. Pure. */

interface LiteralSegment {
  readonly kind: 'literal';
  readonly text: string;
}

interface ParameterSegment {
  readonly kind: 'parameter';
  readonly name: string;
  readonly optional: boolean;
  /** `{*rest}`: takes the remaining segments. */
  readonly catchAll: boolean;
  readonly defaultValue?: string;
  readonly constraints: readonly ((value: string) => boolean)[];
}

type Segment = LiteralSegment | ParameterSegment;

export interface RouteTemplate {
  readonly segments: readonly Segment[];
  /** Sorts templates: a smaller one is tried first (literal, constrained parameter, parameter, catch-all). */
  readonly precedence: string;
}

const guid = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;

/** Parses a template; slashes around it do not matter. Throws a RangeError for what ASP.NET has and this lacks. */
export function parseRouteTemplate(template: string): RouteTemplate {
  const segments = splitSegments(template).map(parseSegment);
  return { segments, precedence: segments.map(precedenceOf).join('') };
}

/**
 * Gives the parameters of a path that the template matches (optional ones that are absent are left out), or
 * `undefined` where it does not match. Literals match in any case; empty path segments match nothing.
 */
export function matchRoute(
  template: RouteTemplate,
  path: string,
): Readonly<Record<string, string>> | undefined {
  const parts = path.replaceAll(/^\/|\/$/g, '').split('/');
  const given = parts.length === 1 && parts[0] === '' ? [] : parts;
  const parameters: Record<string, string> = {};
  let index = 0;
  for (const segment of template.segments) {
    const part = given[index];
    if (segment.kind === 'literal') {
      if (part === undefined || decode(part).toLowerCase() !== segment.text.toLowerCase()) {
        return undefined;
      }
      index += 1;
    } else {
      const taken = segment.catchAll ? given.slice(index) : given.slice(index, index + 1);
      const value = taken.length === 0 ? segment.defaultValue : taken.map(decode).join('/');
      if (value === undefined || (value === '' && !segment.catchAll)) {
        if (!segment.optional && !segment.catchAll) {
          return undefined;
        }
      } else {
        if (!segment.constraints.every((accepts) => accepts(value))) {
          return undefined;
        }
        parameters[segment.name] = value;
      }
      index += taken.length;
    }
  }
  return index === given.length && given.every((part) => part !== '') ? parameters : undefined;
}

function splitSegments(template: string): string[] {
  const trimmed = template.replaceAll(/^\/+|\/+$/g, '');
  const segments: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of trimmed) {
    depth += character === '{' ? 1 : character === '}' ? -1 : 0;
    if (character === '/' && depth === 0) {
      segments.push(current);
      current = '';
    } else {
      current += character;
    }
  }
  return trimmed === '' ? [] : [...segments, current];
}

function parseSegment(text: string): Segment {
  if (!text.includes('{')) {
    return { kind: 'literal', text };
  }
  const match = /^\{(\*{0,2})([A-Za-z_]\w*)((?::[^=]*?)?)(?:=([^?}]*))?(\?)?\}$/.exec(text);
  if (match === null) {
    throw new RangeError(`The route segment "${text}" is not supported: write one parameter a segment.`);
  }
  const [, stars = '', name = '', constraints = '', defaultValue, question] = match;
  return {
    kind: 'parameter',
    name,
    optional: question !== undefined,
    catchAll: stars !== '',
    ...(defaultValue === undefined ? {} : { defaultValue }),
    constraints: splitConstraints(constraints).map(parseConstraint),
  };
}

function splitConstraints(text: string): string[] {
  return [...text.matchAll(/:([A-Za-z]+(?:\((?:[^()]|\([^()]*\))*\))?)/g)].map((match) => match[1] ?? '');
}

function parseConstraint(text: string): (value: string) => boolean {
  const [, name = '', argument = ''] = /^([A-Za-z]+)(?:\((.*)\))?$/.exec(text) ?? [];
  const [first = Number.NaN, second = first] = argument.split(',').map(Number);
  switch (name.toLowerCase()) {
    case 'int':
    case 'long':
      return (value) => /^-?\d+$/.test(value);
    case 'bool':
      return (value) => /^(true|false)$/i.test(value);
    case 'alpha':
      return (value) => /^[a-z]*$/i.test(value);
    case 'guid':
      return (value) => guid.test(value);
    case 'minlength':
      return (value) => value.length >= first;
    case 'maxlength':
      return (value) => value.length <= first;
    case 'length':
      return (value) => value.length >= first && value.length <= second;
    case 'min':
      return (value) => /^-?\d+$/.test(value) && Number(value) >= first;
    case 'max':
      return (value) => /^-?\d+$/.test(value) && Number(value) <= first;
    case 'range':
      return (value) => /^-?\d+$/.test(value) && Number(value) >= first && Number(value) <= second;
    case 'regex': {
      const pattern = new RegExp(argument, 'i');
      return (value) => pattern.test(value);
    }
    default:
      throw new RangeError(`The route constraint "${text}" is not supported by the local host.`);
  }
}

function precedenceOf(segment: Segment): string {
  if (segment.kind === 'literal') {
    return '1';
  }
  const constrained = segment.constraints.length > 0;
  return segment.catchAll ? (constrained ? '4' : '5') : constrained ? '2' : '3';
}

/** Percent-decodes one segment; an escaped slash stays escaped, and what is malformed stays as it came. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll(/%2f/gi, '%252F'));
  } catch {
    return part;
  }
}
