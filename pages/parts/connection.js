// Says in the user's words that the server is away. The page comes back by itself when the server does.
const WORDS = "Connection lost. Your runs go on, and this page comes back by itself. If it does not, start Causeway once more.";
const LOOK_EVERY_MS = 2500;
const banner = document.createElement("div");
let watching = false;

// Streamlit's own dialog tells programmers how to restart it.
function reword() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    const title = [...dialog.querySelectorAll("*")].find((part) => !part.children.length && part.textContent.trim() === "Connection error");
    if (!title) continue;
    title.textContent = "Connection lost";
    const [first, ...rest] = dialog.querySelectorAll("p, [data-testid=stCode]");
    if (first) first.textContent = WORDS;
    for (const part of rest) part.style.display = "none";
  }
}

async function look() {
  const isThere = await fetch("/_stcore/health", { cache: "no-store" }).then((answer) => answer.ok, () => false);
  banner.hidden = isThere;
}

export default function watch() {
  if (watching) return;
  watching = true;
  Object.assign(banner, { textContent: WORDS, hidden: true, className: "connection-lost" });
  banner.setAttribute("role", "status");
  document.body.append(banner);
  new MutationObserver(reword).observe(document.body, { childList: true, subtree: true });
  setInterval(() => document.hidden || look(), LOOK_EVERY_MS);
}
