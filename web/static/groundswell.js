// What pages do better with JavaScript. Everything works without; see web/templates/frame.html.
"use strict";

// After a part of the page was replaced: go to what is wrong, or leave the reader where they are.
document.addEventListener("htmx:after:swap", () => {
  const wrong = document.querySelector(".summary[autofocus]");
  if (wrong && wrong !== document.activeElement) wrong.focus();
});

// A form that was sent is not sent twice by a second press; its key would make it count once anyway.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A filter shows its answer as soon as something is chosen.
for (const form of document.querySelectorAll("form.filter[method='get']")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type='checkbox']")) form.requestSubmit();
  });
}

// Something happened on this page: say so to those who cannot see it move.
document.addEventListener("moved", (event) => {
  event.target.textContent = "This page has been brought up to date.";
});
