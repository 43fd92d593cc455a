// Hides the faces that do not fit the form. What was chosen stands behind the # of the address, so a view can be shared.
(() => {
  const form = document.getElementById("filter");
  const fields = [...form.elements].filter((field) => field.name);
  const faces = [...document.querySelectorAll(".face")].map((card) => {
    const texts = [...card.querySelectorAll("h4, h5, p, li, dt, dd")].map((part) => part.textContent);
    return { card, text: texts.join(" ") };
  });

  // A word matches where a word begins; a number matches whole, so that AU1 is not AU12.
  const pattern = (word) =>
    new RegExp("(?<![\\p{L}\\p{N}])" + word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&") + (/\d$/.test(word) ? "(?!\\d)" : ""), "iu");

  function show() {
    const chosen = Object.fromEntries(new FormData(form));
    const words = chosen.q.split(/\s+/).filter(Boolean).map(pattern);
    let shown = 0;
    for (const { card, text } of faces) {
      const fits =
        (!chosen.emotion || card.dataset.emotion === chosen.emotion) &&
        (!chosen.region || card.dataset.regions.split(" ").includes(chosen.region)) &&
        (!chosen.build || JSON.parse(card.dataset.builds).includes(chosen.build)) &&
        Number(card.dataset.size) >= Number(chosen.size) &&
        Number(card.dataset.score) >= Number(chosen.score) &&
        words.every((word) => word.test(text));
      card.hidden = !fits;
      shown += fits;
    }
    form.querySelector("output").value = `${shown} of ${faces.length} faces`;
  }

  function fromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) field.value = wanted.get(field.name) ?? "";
    show();
  }

  function toAddress() {
    const chosen = [...new FormData(form)].filter(([, value]) => value);
    history.replaceState(null, "", "#" + new URLSearchParams(chosen));
    show();
  }

  form.addEventListener("input", toAddress);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(toAddress));
  addEventListener("hashchange", () => {
    fromAddress();
    form.scrollIntoView();
  });
  form.hidden = false;
  fromAddress();
})();
