const numbers = (css) => (css.match(/[\d.]+/g) || []).map(Number);

// Relative luminance, as WCAG 2.2 defines it.
function luminance(color) {
  const [r, g, b] = color.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function behind(element) {
  for (let e = element; e; e = e.parentElement) {
    const color = numbers(getComputedStyle(e).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color.slice(0, 3);
  }
  return [255, 255, 255];
}

// Texts with less than 4.5 to 1 against what is behind them.
function pale() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const ink = luminance(numbers(getComputedStyle(element).color).slice(0, 3));
    const [light, dark] = [ink, luminance(behind(element))].sort((one, other) => other - one);
    if ((light + 0.05) / (dark + 0.05) < 4.5) found.push([element.tagName, element.className, walker.currentNode.data.slice(0, 20)]);
  }
  return found;
}

// What is pressed is at least as large as WCAG 2.2 asks (24), and on a phone as large as a finger (44).
function small() {
  const pressed = "main button, main .button, main textarea, main .tick, main input:not([type=radio], [type=checkbox], [type=hidden])";
  const least = innerWidth < 500 ? 43.5 : 24;
  return [...document.querySelectorAll(pressed)]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < least)
    .map((e) => e.outerHTML.slice(0, 80));
}

// Texts of two elements that would be read, or copied, as one word.
function joined() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let before = null;
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (!text.data || text.parentElement.closest("pre")) continue;
    if (before && before.parentElement !== text.parentElement && /[^\s(]$/.test(before.data) && /^[\p{L}\p{N}]/u.test(text.data))
      found.push(`${before.data.slice(-20)}|${text.data.slice(0, 20)}`);
    before = text;
  }
  return found;
}

// Headings that skip a level, and regions, forms among them, that share one name.
function confused() {
  const found = [];
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) found.push(heading.outerHTML.slice(0, 80));
    level = now;
  }
  const names = [...document.querySelectorAll("form[aria-label], form[aria-labelledby], section, nav")].map((e) =>
    e.ariaLabel || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim());
  return [...found, ...names.filter((name, at) => name && names.indexOf(name) !== at)];
}
