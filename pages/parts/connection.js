// Says in the user's words that the server is away. The page comes back by itself when the server does.
const WORDS = "Connection lost. Your runs go on, and this page comes back by itself. If it does not, start Causeway once more.";
const LOOK_EVERY_MS = 2500;
const banner = document.createElement("div");
let watching = false;

// Streamlit's own dialog tells programmers how to restart it: the banner says all, so the dialog goes.
function hush() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    if (!dialog.textContent.includes("Is Streamlit still running")) continue;
    banner.hidden = false;
    (dialog.querySelector("button[aria-label=Close]") ?? dialog.querySelector("button"))?.click();
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
  new MutationObserver(hush).observe(document.body, { childList: true, subtree: true });
  setInterval(() => document.hidden || look(), LOOK_EVERY_MS);
}
