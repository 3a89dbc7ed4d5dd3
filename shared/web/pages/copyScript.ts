/** Shows each `button[data-copy]` where the browser can copy, and copies the text of the element that it names. */
export const copyScript = String.raw`
(() => {
  'use strict';
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll('button[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const source = document.getElementById(button.dataset.copy);
      let result = 'Copied';
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        getSelection().selectAllChildren(source);
        result = 'Selected';
      }
      button.textContent = result;
      document.getElementById('announcer').textContent = result + '.';
    });
  }
})();
`;
