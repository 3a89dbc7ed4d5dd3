/** A `.ts` or `.css` file of `client/` as text, bundled and minified by dev/build/browserText.ts. */
declare module '*?text' {
  export const text: string;
}
