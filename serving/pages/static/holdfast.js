// The budget slider and its field move together, and filters apply on change. Without JavaScript, the buttons do the same.
document.querySelectorAll("[data-twin]").forEach((input) => {
  const twin = document.getElementById(input.dataset.twin);
  const moves = () => twin.type !== "range" || Number.isFinite(Number(input.value));  // a slider cannot show 1.000,50
  input.addEventListener("input", () => { if (moves()) twin.value = input.value; });
});
document.querySelectorAll("input[type=range][data-submits]").forEach((slider) => {
  slider.addEventListener("change", () => slider.form.requestSubmit());
});
document.querySelectorAll("select[data-submits]").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});
