// Shows and hides models, changes between protocols, and opens what lies behind a number.
(() => {
  const results = document.getElementById("results");
  const lines = results.querySelector(".lines");

  function show(key, shown) {
    for (const part of results.querySelectorAll(`[data-line="${key}"]`)) part.toggleAttribute("hidden", !shown);
  }

  lines.addEventListener("change", ({ target }) => {
    const published = [...lines.elements].filter((box) => /^p\d/.test(box.name));
    if (target.name === "published") for (const box of published) box.checked = target.checked;
    else if (lines.elements.published) lines.elements.published.checked = published.some((box) => box.checked);
    for (const box of lines.elements) if (box.name !== "published") show(box.name, box.checked);
    // The line that says "published" stands only above what is seen.
    for (const head of results.querySelectorAll("tr.head"))
      head.toggleAttribute("hidden", !head.parentElement.querySelector("tr[data-line]:not([hidden])"));
  });

  results.addEventListener("change", ({ target }) => {
    if (target.type !== "radio") return;
    for (const view of results.querySelectorAll("[data-view]")) {
      const [section, protocol] = view.dataset.view.split(" ");
      if (section === target.name) view.hidden = protocol !== target.value;
    }
  });

  // The address stays as it is: what stands behind its # belongs to the search among the faces.
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    event.preventDefault();
    const wanted = document.getElementById(link.getAttribute("href").slice(1));
    for (let part = wanted; part && part !== results; part = part.parentElement)
      if (part.tagName === "DETAILS") part.open = true;
    wanted.scrollIntoView();
  });
})();
