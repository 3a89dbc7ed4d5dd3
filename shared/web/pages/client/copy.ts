/**
 * The error page's script: shows each `button[data-copy]` if the browser can copy. A click copies the text of the element that
 * the button names, or selects it if copying is refused.
 */
async function copyText(button: HTMLButtonElement): Promise<void> {
  const source = document.getElementById(button.dataset['copy'] ?? '');
  if (source === null) return;
  let result = 'Copied';
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection()?.selectAllChildren(source);
    result = 'Selected';
  }
  button.textContent = result;
  document.getElementById('announcer')?.replaceChildren(`${result}.`);
}

// Browsers have no clipboard on pages that came over plain http.
if ('clipboard' in navigator) {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => void copyText(button));
  }
}
