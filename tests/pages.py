"""What is asked of a page in the browser: is it readable, and did a model's answer do anything to it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

ALLOWED = (
    "div", "details", "summary", "p", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr",
    "br", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "del", "ins", "button",
)  # fmt: skip
"""The elements of answers, live and final."""
CONTROLS = ("form", "fieldset", "legend", "label", "input", "textarea", "select", "option", "output", "dl", "dt", "dd", "small")
"""Those of panels' controls, where nothing of a model's is but text."""

WRONG = """([allowed, controls]) => {
  const wrong = [];
  const roots = [...document.querySelectorAll('.routebook-cell, [class^="routebook-"]')];
  for (const node of new Set(roots.flatMap(root => [...root.querySelectorAll('*')]))) {
    const say = what => wrong.push(what + ': ' + node.outerHTML.slice(0, 160));
    const isMath = node.closest('mjx-container');
    const own = node.closest('.routebook-cell');
    const isForm = own && !own.querySelector('.routebook-pane') && !node.closest('.routebook-pane');
    if (!isMath && !allowed.includes(node.localName) && !(isForm && controls.includes(node.localName))) say('element');
    for (const { name, value } of node.attributes) {
      if (name === 'id' && isForm && value.startsWith('routebook-')) continue;
      if (/^on|^(id|src|srcdoc|srcset|action|formaction|background|poster|data|data-commandlinker.*|name)$/.test(name)) say(name);
      if (name === 'style' && /url|position|expression/.test(value) && !isMath) say('style');
      if (name.endsWith('href') && (isMath || !/^(https?:|mailto:|#)/i.test(value))) say('href');
    }
    if (!isMath && getComputedStyle(node).position !== 'static') say('position');
    if (isMath && getComputedStyle(node).position === 'fixed') say('position');
  }
  if (!roots.length) wrong.push('there is no answer on the page');
  if (window.hit !== undefined) wrong.push('code ran');
  return wrong;
}"""
"""What an answer put on the page that it must not; also when there is no answer to look at."""

SHELL = """() => {
  const rect = selector => { const r = document.querySelector(selector).getBoundingClientRect(); return [r.x, r.y, r.width, r.height].map(Math.round) };
  const style = getComputedStyle(document.body);
  return [rect('#jp-top-panel'), rect('#jp-main-dock-panel'), rect('#jp-left-stack'), rect('#jp-bottom-panel'),
    style.display, style.visibility, style.backgroundColor, style.fontSize, document.title.length > 0, document.querySelectorAll('base, meta[http-equiv]').length,
    document.querySelectorAll('.jp-Dialog').length];
}"""
"""What the page around the notebook looks like, in figures."""

CONTRAST = """selector => [...document.querySelectorAll(selector)].filter(node => node.checkVisibility()).map(node => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1] };
  const over = (front, alpha, back) => front.map((value, i) => value * alpha + back[i] * (1 - alpha));
  let opacity = 1, back = null;
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at), ground = parse(style.backgroundColor);
    opacity *= Number(style.opacity);
    if (!back && ground[3] > 0.9) back = ground.slice(0, 3);
  }
  const colour = parse(getComputedStyle(node).color);
  const light = rgb => { const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const pair = [light(over(colour.slice(0, 3), colour[3] * opacity, back)), light(back)].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
})"""
"""The contrast of texts against what is behind them, as WCAG counts it: 4.5 is readable."""

FIRST_HEADER = """() => new Promise(done => {
  const began = performance.now();
  const look = () => { const head = document.querySelector('.routebook-cell .routebook-head');
    if (head && head.textContent) { watch.disconnect(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))); } };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
  window.jupyterapp.commands.execute('notebook:run-cell');
})"""
"""Runs the active cell; milliseconds until its header is painted."""


def wrong_on(page: Page) -> list[str]:
    """What an answer put on the page that it must not."""
    found: list[str] = page.evaluate(WRONG, [list(ALLOWED), list(CONTROLS)])
    return found


def shell_of(page: Page) -> list[Any]:
    """The page around the notebook, in figures."""
    found: list[Any] = page.evaluate(SHELL)
    return found


def least_contrast(page: Page, selector: str) -> float:
    """The least contrast of the texts that a selector finds."""
    found: list[float] = page.evaluate(CONTRAST, selector)
    assert found, f"there is nothing at {selector}"
    return min(found)
