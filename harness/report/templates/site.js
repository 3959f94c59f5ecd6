// The list of claims: what is typed, and the verdict that is chosen, stay in the address.
const list = document.querySelector("#claims table");
if (list) {
  const [text, outcome] = ["text", "outcome"].map((id) => document.getElementById(id));
  const rows = [...list.tBodies[0].rows];
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.textContent.toLowerCase().includes(word));
      row.hidden = !fits || (outcome.value !== "" && row.dataset.outcome !== outcome.value);
      shown += !row.hidden;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} claims`;
    const state = new URLSearchParams({ text: text.value, outcome: outcome.value });
    history.replaceState(null, "", text.value || outcome.value ? `#${state}` : location.pathname);
  };
  const state = new URLSearchParams(location.hash.slice(1));
  text.value = state.get("text") ?? "";
  outcome.value = state.get("outcome") ?? "";
  for (const field of [text, outcome]) field.addEventListener("input", filter);
  if (text.value || outcome.value) filter();
}
// Paper has no clicks: everything folded is opened for printing.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
