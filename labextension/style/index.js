// One element of style, as text: the usual loaders would add 5 kB to every page for what these lines do.
import roles from './roles.raw.css';
import panel from './panel.raw.css';
import total from './total.raw.css';
import cells from './cells.raw.css';
import charts from './charts.raw.css';
import badge from './badge.raw.css';

const style = document.createElement('style');
style.textContent = [roles, panel, total, cells, charts, badge].join('');
document.head.append(style);
