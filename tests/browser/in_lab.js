// What the tests ask JupyterLab, from inside its page. Lab shows itself as `jupyterapp` where it is started
// with LabApp.expose_app_in_browser.
window.course = {
  panel: () => window.jupyterapp?.shell?.currentWidget,
  kernel: (file) => {
    const context = course.panel()?.sessionContext;
    return !file || context?.path.endsWith(file) ? context?.session?.kernel : undefined;
  },
  // An answer that is lost on the way is an error, not a test that never ends.
  soon: (promise) =>
    Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error("no answer")), 240_000))])
      .then(() => {}),
  open: (path) => window.jupyterapp.commands.execute("docmanager:open", { path }),
  close: async () => {
    const panel = course.panel();
    await course.soon(panel.sessionContext.shutdown());
    panel.dispose(); // not "close", which asks whether to save
  },
  cells: () => course.panel().content.widgets,
  cell: (id) => course.cells().find((cell) => cell.model.id === id),
  tagged: (cell, tag) => (cell.model.getMetadata("tags") ?? []).includes(tag),
  count: (id) => course.cell(id).model.executionCount,

  // The kernel answers this when all that was sent to it before has been run or dropped.
  settled: () => course.soon(course.kernel().requestKernelInfo()),

  // Lab's own commands. They return at the first error, also at an announced one, so their return is not enough.
  run: async () => {
    course.ran = false;
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
    await course.kernel().requestKernelInfo();
    course.ran = true;
  },

  // Cells with a picture below them.
  pictured: () =>
    course.cells().filter((cell) => cell.node.querySelector(".jp-OutputArea-output img")).map((cell) => cell.model.id),

  counts: () => course.cells().filter((cell) => cell.model.type === "code").map((cell) => cell.model.executionCount),

  // Whatever is wrong with what a reader sees now, as sentences; an empty list where all is well.
  faults: () => {
    const faults = [];
    for (const cell of course.cells()) {
      const say = (what) => faults.push(`cell ${cell.model.id}: ${what}`);
      const all = (selector) => [...cell.node.querySelectorAll(selector)];
      if (cell.model.type === "code") {
        const announced = course.tagged(cell, "raises-exception");
        const raised = cell.model.outputs.toJSON().filter((output) => output.output_type === "error");
        if (announced && !raised.length) say("was to raise and did not");
        if (!announced) {
          raised.forEach((error) => say(`${error.ename}: ${error.evalue}`));
          // Also where it is shown inside a widget: errors and warnings both come as this type.
          all('[data-mime-type="application/vnd.jupyter.stderr"]').forEach((e) => say(e.textContent.trim().slice(-300)));
        }
      } else if (!all(".jp-RenderedMarkdown").length) say("is not rendered");
      all("img").filter((e) => e.complete && !e.naturalWidth).forEach((e) => say(`no picture ${e.src.slice(0, 80)}`));
      all("mjx-merror, mjx-container [data-mjx-error], mjx-container [style*='color: red']")
        .forEach((e) => say(`formula not understood: ${e.textContent}`));
      if (cell.node.textContent.includes("Error displaying widget")) say("a widget is not displayed");
    }
    return faults;
  },

  // Formulas, or parts of Markdown, that stand on the page as they are written.
  unrendered: () =>
    [...document.querySelectorAll(".jp-RenderedMarkdown")].flatMap((block) => {
      const copy = block.cloneNode(true);
      copy.querySelectorAll("code, pre, mjx-container, script").forEach((part) => part.remove());
      return copy.textContent.match(/.{0,20}(\$|\\[a-zA-Z]+\b|\*\*|<\/?\w+>).{0,20}/g) ?? [];
    }),

  // What a control of a page shows: the pictures and words beside it.
  shownBy: (control) => {
    const area = control.closest(".widget-interact");
    const outputs = [...area.querySelectorAll(".jp-OutputArea-output")];
    const pictures = outputs.flatMap((output) => [...output.querySelectorAll("img")].map((img) => img.src));
    return { pictures, words: outputs.map((output) => output.textContent).join("\n") };
  },
};
