// A sheet of images of cells as one picture, with a button over each image that says which one was chosen.
export default function draw({ data, parentElement, setTriggerValue }) {
  const sheet = parentElement.querySelector(".sheet");
  sheet.querySelector("img").src = data.picture;
  sheet.querySelector("img").alt = data.alt;
  const buttons = sheet.querySelector(".over");
  buttons.style.gridTemplateColumns = `repeat(${data.columns}, 1fr)`;
  buttons.style.gridTemplateRows = `repeat(${data.rows}, 1fr)`;
  buttons.replaceChildren(...data.names.map((name, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.onclick = () => setTriggerValue("chosen", number);
    return button;
  }));
  sheet.dataset.ready = "yes";
}
