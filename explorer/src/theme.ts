/** Light or dark: as the system has it, until someone says otherwise. */

const KEY = "inspectnet.theme";

/** Where nothing can be kept, as in some browsers from file://, the choice lasts as long as the page. */
function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function applyTheme(): void {
  const theme = kept();
  if (theme) document.documentElement.dataset.theme = theme;
}

export function turnTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const theme = (document.documentElement.dataset.theme ?? system) === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // see above
  }
}
