// The slider and the field of the budget move together; filters apply when they are changed. Without this file both work by their buttons.
document.querySelectorAll("[data-twin]").forEach((one) => {
  const other = document.getElementById(one.dataset.twin);
  one.addEventListener("input", () => { other.value = one.value; });
});
document.querySelectorAll("input[type=range][data-submits]").forEach((slider) => {
  slider.addEventListener("change", () => slider.form.requestSubmit());
});
document.querySelectorAll("select[data-submits]").forEach((choice) => {
  choice.addEventListener("change", () => choice.form.requestSubmit());
});
