// A classic script, loaded before the first paint: a module would run later, and the page would flash.
{
  const THEMES = ["system", "light", "dark"]
  const root = document.documentElement

  const apply = (theme) => {
    if (theme === "system") delete root.dataset.theme
    else root.dataset.theme = theme
  }

  // Browsers that block cookies refuse storage too; the theme then follows the system.
  const remembered = () => {
    try {
      return localStorage.getItem("theme")
    } catch {
      return null
    }
  }
  const remember = (theme) => {
    try {
      localStorage.setItem("theme", theme)
    } catch {
      // The theme holds until the page is closed.
    }
  }

  let theme = THEMES.includes(remembered()) ? remembered() : "system"
  apply(theme)

  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]")
    const name = button.querySelector("[data-theme-name]")
    const show = () => {
      name.textContent = `Theme: ${theme}`
      button.title = name.textContent
    }
    button.hidden = false
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]
      apply(theme)
      remember(theme)
      show()
    })
    show()
  })
}
