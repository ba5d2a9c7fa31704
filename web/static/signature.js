// A signature drawn with a finger; without this script the typed name stands alone.
"use strict";

for (const box of document.querySelectorAll("[data-signature]")) {
  const canvas = box.querySelector("canvas");
  const field = box.querySelector("input[name=signature]");
  const pen = canvas.getContext("2d");
  let drawing = false;
  let drawn = false;
  const clear = () => {
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.strokeStyle = "#14191d";
    pen.lineWidth = 3;
    pen.lineCap = pen.lineJoin = "round";
    field.value = "";
    drawn = false;
  };
  const at = (event) => {
    const place = canvas.getBoundingClientRect();
    return [(event.clientX - place.left) * canvas.width / place.width, (event.clientY - place.top) * canvas.height / place.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    pen.lineTo(...at(event));
    pen.stroke();
    drawn = true;
  });
  for (const over of ["pointerup", "pointercancel"]) canvas.addEventListener(over, () => { drawing = false; });
  box.querySelector("[data-clear]").addEventListener("click", clear);
  box.closest("form").addEventListener("submit", () => { field.value = drawn ? canvas.toDataURL("image/png") : ""; });
  clear();
  box.hidden = false;
}
