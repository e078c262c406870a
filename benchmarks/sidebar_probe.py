"""Probe in the page: times at which snapshots arrive and are shown, and times between drawn frames.

Kernel and browser run on one machine and share its clock. A figure counts as shown at the start of the frame after the
one in which the panel changed: only then has the browser passed it to the screen.
"""

from __future__ import annotations

PROBE = """
(() => {
  const probe = { frames: [], finals: {}, stop: () => undefined };
  window.greenProbe = probe;
  const root = () => document.querySelector('#jupyter-green-panel');
  const panelOf = path => [...jupyterapp.shell.widgets('main')].find(each => each.context?.path === path);
  const kernelOf = path => panelOf(path).sessionContext.session.kernel;
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
  probe.pause = pause;

  const framed = ({ header, content }) =>
    (header.msg_type === 'comm_msg' || header.msg_type === 'comm_open') && content.data?.app === 'jupyter_green';

  // Follow the frames of one notebook's kernel, and what the panel makes of them.
  probe.listen = path => {
    probe.stop();
    probe.frames = [];
    probe.finals = {};
    const kernel = kernelOf(path);
    let unseen = 0;
    const hear = (_, message) => {
      if (framed(message)) {
        const { data } = message.content;
        probe.frames.push({ type: data.type, heard: Date.now(), drawn: null,
                            sent: data.sent_at === undefined ? null : 1000 * data.sent_at });
      }
    };
    const look = () => {
      const news = probe.frames.slice(unseen);
      unseen = probe.frames.length;
      const finals = [];
      for (const row of root().querySelectorAll('[data-testid=green-cell-row]')) {
        const count = row.querySelector('.jgp-n')?.textContent;
        const moving = row.classList.contains('jgp-is-running') || row.textContent.includes('so far');
        if (count && !moving && !(count in probe.finals)) {
          probe.finals[count] = null;
          finals.push(count);
        }
      }
      requestAnimationFrame(() => {
        const now = Date.now();
        news.forEach(each => { each.drawn = now; });
        finals.forEach(count => { probe.finals[count] = now; });
      });
    };
    const observer = new MutationObserver(look);
    observer.observe(root(), { subtree: true, childList: true, characterData: true, attributes: true });
    kernel.iopubMessage.connect(hear);
    probe.stop = () => {
      observer.disconnect();
      kernel.iopubMessage.disconnect(hear);
      probe.stop = () => undefined;
    };
  };

  // Count the frames and keep none, so that nothing of the probe's own grows.
  probe.count = path => {
    probe.stop();
    probe.heard = 0;
    const kernel = kernelOf(path);
    const hear = (_, message) => { probe.heard += framed(message) ? 1 : 0; };
    kernel.iopubMessage.connect(hear);
    probe.stop = () => {
      kernel.iopubMessage.disconnect(hear);
      probe.stop = () => undefined;
    };
  };

  // Have the kernel do something that is no cell, and say something in return.
  probe.ask = async (path, code, told) => {
    const future = kernelOf(path).requestExecute(
      { code, silent: true, store_history: false, user_expressions: { told } });
    const { content } = await future.done;
    if (content.status !== 'ok' || content.user_expressions.told.status !== 'ok') {
      throw new Error(JSON.stringify(content));
    }
    return content.user_expressions.told.data['text/plain'];
  };

  // Run one line in each cell of a notebook, so many of them on their way at once.
  probe.runThrough = async (path, code, most) => {
    const kernel = kernelOf(path);
    const cells = [...panelOf(path).content.model.cells];
    let next = 0;
    const lane = async () => {
      while (next < cells.length) {
        const cell = cells[next++];
        const { content } = await kernel.requestExecute({ code }, true, { cellId: cell.id }).done;
        cell.executionCount = content.execution_count;
      }
    };
    await Promise.all(Array.from({ length: most }, lane));
  };

  // So many short cells a second; what of their own output arrives.
  probe.flood = async (path, rate, seconds) => {
    const kernel = kernelOf(path);
    const ids = [...panelOf(path).content.model.cells].map(cell => cell.id);
    const total = rate * seconds;
    const found = { total, arrived: 0, exceeded: 0, sending: 0, running: 0, finished: 0 };
    const warned = (_, { header, content }) => {
      found.exceeded += header.msg_type === 'stream' && content.text.includes('message rate exceeded') ? 1 : 0;
    };
    kernel.iopubMessage.connect(warned);
    const ends = [];
    const began = performance.now();
    for (let sent = 0; sent < total; await pause(2)) {
      const due = Math.min(total, Math.ceil((performance.now() - began) * rate / 1000));
      for (; sent < due; sent++) {
        const [number, words] = [sent, []];
        const future = kernel.requestExecute(
          { code: `print("output ${sent}")` }, true, { cellId: ids[sent % ids.length] });
        future.onIOPub = ({ header, content }) => {
          words.push(header.msg_type === 'stream' ? content.text : '');
        };
        ends.push(future.done.then(() => {
          found.finished += 1;
          found.arrived += words.join('') === `output ${number}\\n` ? 1 : 0;
        }));
      }
    }
    found.sending = (performance.now() - began) / 1000;
    await Promise.race([Promise.all(ends), pause(240000)]);
    found.running = (performance.now() - began) / 1000;
    kernel.iopubMessage.disconnect(warned);
    return found;
  };

  // Milliseconds between the frames that the browser draws, while something is done in each.
  probe.beat = async (ms, act) => {
    const gaps = [];
    const end = performance.now() + ms;
    let last = await frame();
    while (performance.now() < end) {
      act?.();
      const now = await frame();
      gaps.push(now - last);
      last = now;
    }
    return gaps;
  };
  const toAndFro = (list, ms, pixels) => {
    let way = pixels;
    return probe.beat(ms, () => {
      const before = list.scrollTop;
      list.scrollTop += way;
      way = list.scrollTop === before ? -way : way;
    });
  };
  probe.scroll = (ms, pixels) => toAndFro(root().querySelector('.jgp-list'), ms, pixels);

  // The same rows as a list of the browser's own, which nothing but the browser moves.
  probe.scrollPlain = async (ms, pixels) => {
    const list = root().querySelector('.jgp-list');
    const rows = [...list.querySelectorAll('.jgp-row')];
    const plain = list.cloneNode(true);
    const ground = plain.querySelector('.jgp-rows');
    ground.replaceChildren(...Array.from({ length: 600 }, (_, index) => {
      const row = rows[index % rows.length].cloneNode(true);
      row.style.top = `${index * rows[0].offsetHeight}px`;
      return row;
    }));
    ground.style.height = `${600 * rows[0].offsetHeight}px`;
    list.style.display = 'none';
    list.after(plain);
    const gaps = await toAndFro(plain, ms, pixels);
    plain.remove();
    list.style.display = '';
    return gaps;
  };

  probe.drawn = path => !panelOf(path).content.widgets.some(cell => cell.isPlaceholder());

  // Open the panel; milliseconds until it shows a total, and until it shows rows.
  probe.open = async () => {
    const began = performance.now();
    const found = { total: null, rows: null, known: null };
    void jupyterapp.commands.execute('jupyter-green:show-panel');
    while (found.rows === null && performance.now() - began < 60000) {
      const shown = root();
      const visible = shown !== null && shown.offsetHeight > 0;
      const total = visible && shown.querySelector('[data-testid=green-total]');
      const rows = visible ? shown.querySelectorAll('[data-testid=green-cell-row]').length : 0;
      const now = await frame();
      found.total ??= total ? performance.now() - began : null;
      found.rows ??= rows > 0 ? performance.now() - began : null;
    }
    return found;
  };
})();
"""

RESTORED = """
(() => {
  const wait = setInterval(() => {
    if (window.jupyterapp) {
      clearInterval(wait);
      void jupyterapp.restored.then(() => { window.greenRestored = performance.now(); });
    }
  }, 4);
})();
"""
"""Script that records when JupyterLab was restored, in milliseconds since the page was requested."""
