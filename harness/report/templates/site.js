// The list of claims: what is typed, and the verdict that is chosen, stay in the address.
const list = document.querySelector("#claims table");
if (list) {
  const [text, outcome] = ["text", "outcome"].map((id) => document.getElementById(id));
  const rows = [...list.tBodies[0].rows];
  const filter = () => {
    const matches = matcher(text.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !matches(row.textContent) || (outcome.value !== "" && row.dataset.outcome !== outcome.value);
      shown += !row.hidden;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} claims`;
    const state = new URLSearchParams();
    for (const field of [text, outcome]) if (field.value) state.set(field.id, field.value);
    keepInAddress(state);
  };
  const state = new URLSearchParams(location.hash.slice(1));
  text.value = state.get("text") ?? "";
  outcome.value = state.get("outcome") ?? "";
  for (const field of [text, outcome]) field.addEventListener("input", filter);
  if (text.value || outcome.value) filter();
}
unfoldForPrint("details");
