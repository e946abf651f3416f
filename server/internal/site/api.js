// Names what Swagger UI leaves without one, and lets the keyboard scroll what is wider than the page.
"use strict";
(() => {
  const names = [
    [".copy-to-clipboard button", () => "Copy"],
    ["textarea.body-param__text", () => "Request body"],
    ["#servers", () => "Server"],
    ["input:not([type=checkbox]), select, textarea", (element) => element.placeholder || element.closest("tr")?.dataset.paramName || "Choice"],
  ];
  const repair = () => {
    for (const [selector, name] of names)
      for (const element of document.querySelectorAll(`#swagger-ui :is(${selector}):not([aria-label])`))
        if (element.id === "servers" || (!element.labels?.length && !element.title)) element.setAttribute("aria-label", name(element));
    for (const element of document.querySelectorAll("#swagger-ui pre:not([tabindex])")) element.tabIndex = 0;
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      repair();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
