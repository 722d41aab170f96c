// Draws one graph with vis-network and tells Python what was clicked or dragged. Names are only ever set as text.
let loading;
const drawings = new WeakMap();

function visNetwork() {
  loading ??= new Promise((done, failed) => {
    if (window.vis?.Network) return done();
    const script = document.createElement("script");
    script.src = "/vendor/vis/vis-network.min.js";
    script.onload = done;
    script.onerror = () => failed(new Error("The drawing library could not be loaded."));
    document.head.append(script);
  });
  return loading;
}

const TONES = "#0068b5,#c65102,#0b8f78,#a8488f,#7a6a00,#5b6764,#b0284a,#5546b5,#3f7d20,#8d5b2f";

function palette(element) {
  const style = getComputedStyle(element);
  const take = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    text: take("--st-text-color", "#1b2421"),
    paper: take("--st-background-color", "#ffffff"),
    box: take("--st-secondary-background-color", "#f3f5f4"),
    line: take("--st-gray-color", "#5f6a66"),
    accent: take("--st-primary-color", "#0b6e5f"),
    font: take("--st-font", "sans-serif"),
    directed: take("--st-blue-color", "#0068b5"),
    bidirected: take("--st-orange-color", "#c65102"),
    undetermined: take("--st-gray-color", "#5f6a66"),
    right: take("--st-blue-color", "#0068b5"),
    open: take("--st-green-color", "#0b8f78"),
    turned: take("--st-orange-color", "#c65102"),
    alike: take("--st-blue-color", "#0068b5"),
    differs: take("--st-orange-color", "#c65102"),
    extra: take("--st-violet-color", "#a8488f"),
    missing: take("--st-gray-color", "#5f6a66"),
    tones: take("--st-chart-categorical-colors", TONES).split(",").map((tone) => tone.trim()),
  };
}

// vis-network's own circle is filled; the circle mark of a PAG is open.
function openCircle(color, paper) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><circle cx="24" cy="24" r="18" fill="${paper}" stroke="${color}" stroke-width="8"/></svg>`;
  return "data:image/svg+xml;utf8," + encodeURIComponent(svg);
}

// A colour thinned with another, both as #rrggbb: boxes stay opaque, so that no edge shines through them.
function mixed(color, paper, share) {
  const parts = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  if (![color, paper].every((text) => /^#[0-9a-f]{6}$/i.test(text))) return paper;
  const [top, below] = [parts(color), parts(paper)];
  return `rgb(${top.map((value, i) => Math.round(share * value + (1 - share) * below[i])).join(",")})`;
}

function toneOf(tone, colors) {
  return colors.tones[tone % colors.tones.length];
}

function paintNode(node, colors) {
  const tone = node.tone === undefined ? null : toneOf(node.tone, colors);
  const background = tone ? mixed(tone, colors.paper, 0.25) : colors.box;
  const color = { background, border: node.kind ? colors[node.kind] : tone ?? colors.line };
  const chosen = { background, border: colors.accent };
  return { ...node, color: { ...color, highlight: chosen, hover: chosen }, font: { color: colors.text, face: colors.font, strokeWidth: node.shape === "dot" ? 3 : 0, strokeColor: colors.paper } };
}

function paintEdge(edge, colors, threshold) {
  const color = colors[edge.kind];
  const arrows = {};
  for (const end of ["from", "to"]) {
    const arrow = edge.arrows[end];
    if (arrow?.type === "image") arrows[end] = { ...arrow, src: openCircle(color, colors.paper) };
    else if (arrow) arrows[end] = arrow;
  }
  return {
    ...edge, arrows, hidden: edge.support !== undefined && edge.support < threshold,
    color: { color, highlight: colors.accent, hover: colors.accent, opacity: edge.opacity ?? 1 },
    font: { color: colors.text, face: colors.font, size: 12, strokeWidth: 4, strokeColor: colors.paper, align: "middle" },
  };
}

function distance(point, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = Math.max(0, Math.min(1, ((point.x - a.x) * dx + (point.y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(point.x - a.x - along * dx, point.y - a.y - along * dy);
}

class Drawing {
  constructor(root, data, say) {
    Object.assign(this, { root, data, say, picture: root.querySelector(".picture"), note: root.querySelector(".note") });
    this.colors = palette(root);
    this.nodes = new vis.DataSet(data.nodes.map((node) => paintNode(node, this.colors)));
    this.edges = new vis.DataSet(data.edges.map((edge) => paintEdge(edge, this.colors, data.threshold)));
    this.network = new vis.Network(this.picture, { nodes: this.nodes, edges: this.edges }, data.options);
    this.network.once("afterDrawing", () => root.setAttribute("data-ready", data.id));
    this.network.on("click", (event) => this.choose(this.at(event.pointer), true));
    this.network.on("dragEnd", (event) => event.nodes.length && this.moved(event.nodes));
    this.network.on("doubleClick", (event) => this.centre(this.at(event.pointer)));
    this.explain();
    this.fit();
    this.fitOnceSeen();
    this.watch();
  }

  explain() {
    const entry = ({ tone, words }) => {
      const [item, swatch] = [document.createElement("span"), document.createElement("i")];
      swatch.style.background = mixed(toneOf(tone, this.colors), this.colors.paper, 0.25);
      swatch.style.borderColor = toneOf(tone, this.colors);
      item.append(swatch, words);
      return item;
    };
    this.root.querySelector(".legend").replaceChildren(...(this.data.legend ?? []).map(entry));
  }

  // In a tab that is not open the picture has no size to be fitted into.
  fitOnceSeen() {
    if (this.picture.clientWidth) return;
    this.seen = new ResizeObserver(() => {
      if (!this.picture.clientWidth) return;
      this.seen.disconnect();
      requestAnimationFrame(() => this.fit());
    });
    this.seen.observe(this.picture);
  }

  // A thin edge is hard to hit, so the nearest one within a few screen pixels counts.
  at(pointer) {
    const reach = 9 / this.network.getScale();
    const places = this.network.getPositions();
    const [node, edge] = [this.network.getNodeAt(pointer.DOM), this.network.getEdgeAt(pointer.DOM)];
    if (node !== undefined) return { node };
    let best = { distance: reach };
    for (const node of this.nodes.get()) {
      const d = Math.hypot(pointer.canvas.x - places[node.id].x, pointer.canvas.y - places[node.id].y);
      if (d < best.distance) best = { node: node.id, distance: d };
    }
    if (best.node !== undefined) return best;
    if (edge !== undefined) return { edge };
    for (const edge of this.edges.get()) {
      if (edge.hidden) continue;
      const d = distance(pointer.canvas, places[edge.from], places[edge.to]);
      if (d < best.distance) best = { edge: edge.id, distance: d };
    }
    return best;
  }

  choose({ node, edge }, tell) {
    this.network.setSelection({ nodes: node === undefined ? [] : [node], edges: edge === undefined ? [] : [edge] }, { highlightEdges: false });
    const item = node !== undefined ? this.nodes.get(node) : edge !== undefined ? this.edges.get(edge) : null;
    this.note.textContent = item ? item.title : "";
    this.chosen = { node, edge };
    if (tell) this.say("selected", item ? (node !== undefined ? { node } : { edge }) : null);
  }

  moved(ids) {
    this.drags = { ...this.drags };
    for (const [id, place] of Object.entries(this.network.getPositions(ids))) this.drags[id] = [Math.round(place.x), Math.round(place.y)];
    this.say("moved", { id: this.data.id, places: this.drags });
  }

  centre({ node }) {
    if (node !== undefined) this.say("centre", { node });
  }

  // Also leaves full screen: Escape is the browser's.
  async widen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    const back = () => {
      this.picture.style.height = document.fullscreenElement ? "calc(100vh - 48px)" : `${this.data.height}px`;
      requestAnimationFrame(() => this.fit());
    };
    this.root.addEventListener("fullscreenchange", back);
    await this.root.requestFullscreen();
  }

  // A frame that was asked for may come when the picture is gone.
  fit() {
    this.network?.fit({ animation: false, maxZoomLevel: 1.5 });
  }

  follow(data) {
    if (data.threshold !== this.data.threshold) this.edges.update(data.edges.map((edge) => paintEdge(edge, this.colors, data.threshold)));
    const sought = data.focus?.turn !== this.data.focus?.turn ? data.focus : null;
    this.data = data;
    if (sought) this.seek(sought.node);
  }

  seek(node) {
    if (node === null || node === undefined || !this.nodes.get(node)) return this.choose({}, false);
    this.choose({ node }, false);
    if (this.data.nodes.length > 40) this.network.focus(node, { scale: Math.max(this.network.getScale(), 0.9), animation: false });
  }

  // The page's colours may change under the picture: the user switches between light and dark.
  watch() {
    this.timer = setInterval(() => {
      const now = palette(this.root);
      if (JSON.stringify(now) !== JSON.stringify(this.colors)) this.repaint(now);
    }, 400);
  }

  repaint(colors) {
    this.colors = colors;
    this.explain();
    this.nodes.update(this.data.nodes.map(({ x, y, ...node }) => paintNode(node, colors)));
    this.edges.update(this.data.edges.map((edge) => paintEdge(edge, colors, this.data.threshold)));
  }

  step(ids, kind, by) {
    const here = ids.indexOf(this.chosen?.[kind]);
    if (ids.length) this.choose({ [kind]: ids[(here + by + ids.length + (here < 0 && by < 0 ? 1 : 0)) % ids.length] }, false);
  }

  press(event) {
    const keys = {
      ArrowRight: () => this.step(this.nodes.getIds(), "node", 1),
      ArrowLeft: () => this.step(this.nodes.getIds(), "node", -1),
      ArrowDown: () => this.step(this.edges.getIds({ filter: (edge) => !edge.hidden }), "edge", 1),
      ArrowUp: () => this.step(this.edges.getIds({ filter: (edge) => !edge.hidden }), "edge", -1),
      Enter: () => this.choose(this.chosen ?? {}, true),
      Escape: () => this.choose({}, true),
      "+": () => this.network.moveTo({ scale: this.network.getScale() * 1.25 }),
      "-": () => this.network.moveTo({ scale: this.network.getScale() / 1.25 }),
      0: () => this.fit(),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  save() {
    const source = this.picture.querySelector("canvas");
    const copy = Object.assign(document.createElement("canvas"), { width: source.width, height: source.height });
    const brush = copy.getContext("2d");
    brush.fillStyle = this.colors.paper;
    brush.fillRect(0, 0, copy.width, copy.height);
    brush.drawImage(source, 0, 0);
    const link = Object.assign(document.createElement("a"), { href: copy.toDataURL("image/png"), download: this.data.file });
    link.click();
  }

  destroy() {
    clearInterval(this.timer);
    this.seen?.disconnect();
    this.network.destroy();
    this.network = null;
  }
}

export default function draw({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".causal-graph");
  const picture = root.querySelector(".picture");
  const shown = drawings.get(root);
  picture.style.height = `${data.height}px`;
  picture.setAttribute("aria-label", data.alt);
  if (shown?.data.id === data.id) {
    shown.say = setStateValue;
    shown.follow(data);
    return;
  }
  shown?.destroy();
  drawings.delete(root);
  root.removeAttribute("data-ready");
  root.wanted = data.id;
  visNetwork().then(() => {
    if (root.wanted !== data.id || drawings.has(root)) return;
    const drawing = new Drawing(root, data, setStateValue);
    drawings.set(root, drawing);
    root.drawing = drawing;
    picture.onkeydown = (event) => drawing.press(event);
    root.querySelector(".fit").onclick = () => drawing.fit();
    root.querySelector(".widen").onclick = () => drawing.widen();
    root.querySelector(".save").onclick = () => drawing.save();
    if (data.focus) drawing.seek(data.focus.node);
  }).catch((problem) => { root.querySelector(".note").textContent = problem.message; });
  return () => { drawings.get(root)?.destroy(); drawings.delete(root); };
}
