// A text with numbered lines, and what is wrong with a line said beside it.
//
// A plain textarea, so that every keyboard, screen reader and undo works as everywhere; what is said beside the lines lies over it in the
// same cell of a grid, moves with it, and takes no clicks. Tab leaves it: nobody is caught.
const TAB = 4;

const columnsOf = (line) => [...line].reduce((at, letter) => (letter === "\t" ? at + TAB - (at % TAB) : at + 1), 0);

const makeEditor = ({ label, text, onInput, onSave }) => {
  const box = make("div", "editor");
  const numbers = make("div", "numbers");
  const sheet = make("div", "sheet");
  const area = make("textarea", "source");
  const beside = make("div", "beside");
  const rows = make("div", "rows");
  let lines = 0;
  let problems = [];

  area.value = text;
  area.wrap = "off";
  area.spellcheck = false;
  area.autocapitalize = "off";
  area.autocomplete = "off";
  area.setAttribute("aria-label", label);
  numbers.setAttribute("aria-hidden", "true");
  beside.setAttribute("aria-hidden", "true");
  beside.append(rows);
  sheet.append(area, beside);
  box.append(numbers, sheet);

  const count = () => {
    const found = area.value.split("\n").length;
    if (found === lines) return;
    lines = found;
    numbers.textContent = Array.from({ length: lines }, (_, at) => at + 1).join("\n");
  };
  const scroll = () => {
    numbers.scrollTop = area.scrollTop;
    rows.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
  };
  const draw = () => {
    const source = area.value.split("\n");
    const told = new Map();
    for (const { line, said } of problems) {
      const at = Math.min(Math.max(line, 1), source.length);
      told.set(at, told.has(at) ? `${told.get(at)} · ${said}` : said);
    }
    rows.replaceChildren(
      ...[...told].map(([line, said]) => {
        const row = make("div", "beside-line");
        const words = make("span", "beside-said", said);
        row.style.gridRow = line;
        row.style.paddingLeft = `calc(8px + ${columnsOf(source[line - 1]) + 3}ch)`; // of the row's own font, which is the text's
        row.append(words);
        return row;
      }),
    );
    scroll();
  };

  area.oninput = () => {
    count();
    draw();
    onInput();
  };
  area.onscroll = scroll;
  keepKeys(area);
  area.onkeydown = (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    onSave();
  };
  count();

  return {
    box,
    area,
    show(found, describedBy) {
      problems = found;
      area.setAttribute("aria-invalid", String(found.length > 0));
      area.setAttribute("aria-describedby", describedBy);
      draw();
    },
    goTo(line) {
      const source = area.value.split("\n");
      const start = source.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      area.focus();
      area.setSelectionRange(start, start + (source[line - 1] ?? "").length);
      area.scrollTop = (line - 1) * parseFloat(getComputedStyle(area).lineHeight) - area.clientHeight / 3;
      area.scrollLeft = 0;
    },
    // Another text, in a way that Ctrl+Z takes back; the place in it stays.
    replace(other) {
      if (other === area.value) return;
      const { scrollTop, selectionStart } = area;
      const before = document.activeElement;
      area.focus();
      area.select();
      if (!document.execCommand("insertText", false, other)) area.value = other;
      area.setSelectionRange(selectionStart, selectionStart);
      before?.focus?.();
      area.scrollTop = scrollTop;
      count();
      draw();
    },
  };
};
