// Draws and edits a molecule with JSME, which the server hands out below /vendor/jsme, and says its SMILES after every change.
const PLACE = "/vendor/jsme/";
const STYLES = ["jsa.css", "gwt/chrome/chrome.css", "gwt/chrome/mosaic.css"]; // named by JSME, not part of it, not needed
const SETTLED_MS = 500, POLL_MS = 50;

let loading = null;

// JSME wants to run its code, which it loads as text, as inline scripts of a frame. The page's security policy forbids that; the server
// hands the same code out as scripts, which the frame loads.
function editor() {
  loading ??= new Promise((resolve, reject) => {
    window.__gwt_stylesLoaded = Object.fromEntries(STYLES.map((name) => [name, true]));
    window.jsmeOnLoad = () => resolve(window.JSApplet.JSME);
    const failed = () => reject(new Error("The drawing board could not be loaded. Type the molecule instead."));
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    const load = (name) => {
      const part = frame.contentDocument.createElement("script");
      part.src = `${PLACE}scripts/${name}`;
      part.onerror = failed;
      frame.contentDocument.body.append(part);
    };
    const script = document.createElement("script");
    script.src = `${PLACE}jsme.nocache.js`;
    script.onload = () => {
      window.jsme.onScriptDownloaded = () => load(document.currentScript.src.split("/").pop());
      window.jsme.__startLoadingFragment = (name) => { load(name); return null; }; // nothing that the editor must load itself
    };
    script.onerror = failed;
    document.head.append(script);
  });
  return loading;
}

const boards = new WeakMap();

export default function draw({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".sketch");
  const known = boards.get(root);
  if (known) {
    known.say = setStateValue;
    known.wanted = data.smiles;
    if (data.smiles !== known.given) known.show?.(data.smiles);
    return;
  }
  const board = { say: setStateValue, wanted: data.smiles, given: null, timer: 0 };
  boards.set(root, board);
  editor().then((JSME) => {
    const place = root.querySelector(".board");
    place.id = `sketch-${Math.random().toString(36).slice(2)}`;
    const width = Math.max(280, place.clientWidth);
    const applet = new JSME(place.id, `${width}px`, `${data.height}px`, { options: "newlook,hydrogens,stereo,nocontextmenu" });
    const settle = () => { // the editor reads a molecule in its own time
      board.last = applet.smiles(); // as the editor writes it, so that only a change by hand is said
      if (board.given && !board.last) board.timer = setTimeout(settle, POLL_MS);
      else root.dataset.ready = "yes";
    };
    board.show = (smiles) => {
      clearTimeout(board.timer);
      delete root.dataset.ready;
      board.given = smiles;
      if (smiles) applet.readGenericMolecularInput(smiles);
      settle();
    };
    board.show(board.wanted);
    applet.setAfterStructureModifiedCallback(() => {
      if (!root.dataset.ready) return;
      clearTimeout(board.timer);
      board.timer = setTimeout(() => {
        const smiles = applet.smiles();
        if (!smiles || smiles === board.last) return;
        board.last = board.given = smiles;
        board.say("smiles", smiles);
      }, SETTLED_MS);
    });
  }).catch((problem) => { root.querySelector(".note").textContent = problem.message; });
  return () => { clearTimeout(board.timer); boards.delete(root); };
}
