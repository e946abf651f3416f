// Names what Swagger UI leaves without one, lets the keyboard scroll what is wider than the page, and begins each upload with an example.
"use strict";
(() => {
  const names = [
    [".copy-to-clipboard button", () => "Copy"],
    ["textarea.body-param__text", () => "Request body"],
    ["#servers", () => "Server"],
    ["input:not([type=checkbox]), select, textarea", (element) => element.placeholder || element.closest("tr")?.dataset.paramName || "Choice"],
  ];
  // Of the types that a file may have, those that an example is shown in. The first of the list is any file, which is chosen from a disk.
  const written = ["text/plain", "application/pdf"];
  const repair = () => {
    for (const select of document.querySelectorAll("#swagger-ui .body-param-content-type select:not([data-begun])")) {
      select.dataset.begun = "";
      const type = written.find((each) => [...select.options].some((option) => option.value === each));
      if (!type) continue;
      select.value = type;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }
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
