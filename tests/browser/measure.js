// Measures the pages in the frames of this document and writes what it finds into it, as JSON.
"use strict";

const LEAST_CONTRAST = 4.5; // WCAG 2, 1.4.3
const TOUCHING = 2; // pixels by which boxes of text may meet: a box is as tall as the font, not as its letters

function texts(page) {
  const found = [];
  const walker = page.createTreeWalker(page.body, 4); // 4 is NodeFilter.SHOW_TEXT
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || ["STYLE", "TITLE", "title"].includes(node.parentElement.tagName)) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width && box.height) found.push({ node, box, said: node.data.trim().slice(0, 60) });
    }
  }
  return found;
}

function overlaps(found) {
  const wrong = [];
  const sorted = [...found].sort((one, other) => one.box.top - other.box.top);
  sorted.forEach((one, index) => {
    for (const other of sorted.slice(index + 1)) {
      if (other.box.top >= one.box.bottom - TOUCHING) break;
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
      if (one.node !== other.node && across > TOUCHING && down > TOUCHING) wrong.push(`${one.said} | ${other.said}`);
    }
  });
  return wrong;
}

function outside(found) {
  return found
    .filter(({ node, box }) => {
      const svg = node.parentElement.ownerSVGElement;
      const edge = svg && svg.getBoundingClientRect();
      return svg && (box.right > edge.right || box.left < edge.left || box.bottom > edge.bottom);
    })
    .map(({ said }) => said);
}

function channels(color) {
  const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
  return { rgb: [red, green, blue], alpha };
}

function luminance(rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function below(page, element, box) {
  // What is painted under the middle of a text; null where that is scrolled out of sight.
  const stack = page.elementsFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  if (!stack.includes(element)) return null;
  for (const one of stack.slice(stack.indexOf(element))) {
    const style = page.defaultView.getComputedStyle(one);
    const paint = one.tagName === "rect" ? style.fill : style.backgroundColor;
    if (one.tagName !== "text" && paint !== "none" && channels(paint).alpha === 1) return channels(paint).rgb;
  }
  return [255, 255, 255];
}

function faint(page, found) {
  const wrong = [];
  let measured = 0;
  for (const { node, box, said } of found) {
    const element = node.parentElement;
    const ground = below(page, element, box);
    if (!ground) continue;
    measured += 1;
    const style = page.defaultView.getComputedStyle(element);
    const ink = luminance(channels(element.tagName === "text" ? style.fill : style.color).rgb);
    const [dark, light] = [ink, luminance(ground)].sort((one, other) => one - other);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < LEAST_CONTRAST) wrong.push(`${said}: ${contrast.toFixed(2)}`);
  }
  return { measured, wrong };
}

function names(page) {
  // As the browser tells a screen reader. It builds its tree for each question, so few are asked.
  return [...page.querySelectorAll("svg, table, nav, section, [role=region]")].map((one) => [one, one.computedName]);
}

function nameless(page, known) {
  const said = [...page.querySelectorAll("a, h1, h2, h3, tbody th")].map((one) => [one, one.textContent]);
  return [...said, ...known].filter(([, name]) => !name.trim()).map(([one]) => one.outerHTML.slice(0, 80));
}

function unscrollable(page) {
  return [...page.querySelectorAll("*")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "auto")
    .filter((one) => one.tabIndex < 0)
    .map((one) => one.outerHTML.slice(0, 80));
}

function measured(frame) {
  const page = frame.contentDocument;
  const found = texts(page);
  const contrast = faint(page, found);
  const known = "named" in frame.dataset ? names(page) : [];
  return {
    frame: frame.id,
    texts: found.length,
    contrasts: contrast.measured,
    background: luminance(channels(page.defaultView.getComputedStyle(page.body).backgroundColor).rgb),
    names: known.map(([, name]) => name),
    wrong: {
      overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
      overlaps: overlaps(found),
      outside: outside(found),
      faint: contrast.wrong,
      nameless: nameless(page, known),
      unscrollable: unscrollable(page),
    },
  };
}

window.addEventListener("load", () => {
  const result = document.createElement("pre");
  result.id = "result";
  try {
    result.textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(measured));
  } catch (error) {
    result.textContent = JSON.stringify(`${error}`);
  }
  document.body.replaceChildren(result);
});
