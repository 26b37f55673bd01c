// Shows one pair at a time, remembers choices and times, and saves them to a file at the end.
const { page, pairs } = JSON.parse(document.getElementById("pairs").textContent);
const place = document.getElementById("pair");
const progress = document.getElementById("progress");
const choices = [], seconds = [];
let shown = 0;

function show() {
  place.replaceChildren();
  const number = choices.length;
  if (number === pairs.length) return finish();
  progress.textContent = `${number + 1} of ${pairs.length}`;
  ["left", "right"].forEach((side, i) => {
    const button = document.createElement("button");
    const image = document.createElement("img");
    image.src = pairs[number][i];
    image.alt = side;
    button.append(image);
    button.onclick = () => choose(side);
    place.append(button);
  });
  shown = performance.now();
}

function choose(side) {
  if (choices.length === pairs.length) return;
  choices.push(side);
  seconds.push(Math.round(performance.now() - shown) / 1000);
  show();
}

function finish() {
  progress.textContent = "Thank you. Save the results and send the file back.";
  const link = document.createElement("a");
  link.download = "rating-results.json";
  link.href = URL.createObjectURL(new Blob([JSON.stringify({ page, choices, seconds })], { type: "application/json" }));
  link.textContent = "Save the results";
  place.append(link);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") choose("left");
  if (event.key === "ArrowRight") choose("right");
});
show();
