import { changeCode, loadCode, configError } from '../kernel/meteringCode';

const none = { region: '', pue: null, tariff: '', unit: 'auto' } as const;

describe('settings for a kernel', () => {
  it('are sent with the load line', () => {
    expect(loadCode({ ...none, region: ' FRA ' })).toBe(
      "%load_ext jupyter_green\n%config JupyterGreen.region = 'FRA'"
    );
  });

  it('are sent to a running kernel only where they have changed', () => {
    const before = { ...none, region: 'FRA' };
    expect(changeCode(before, before)).toBe('');
    expect(changeCode(before, { ...before, tariff: '0.25 EUR/kWh' })).toBe(
      "%config JupyterGreen.tariff = '0.25 EUR/kWh'"
    );
    expect(changeCode(before, { ...none, pue: 1.2 })).toBe(
      "%config JupyterGreen.region = ''\n%config JupyterGreen.pue = '1.2'"
    );
    expect(changeCode(none, { ...none, region: "'; evil" })).toBe('');
    const watthours = { ...none, unit: 'Wh' } as const;
    expect(changeCode(none, watthours)).toBe(
      "%config JupyterGreen.unit = 'Wh'"
    );
    expect(changeCode(watthours, none)).toBe("%config JupyterGreen.unit = ''");
  });

  it('that are invalid are reported with the kernel’s message', () => {
    expect(configError('')).toBe('');
    expect(
      configError("ERROR:root:The price 'cheap' can't be read: write it.\n")
    ).toBe("The price 'cheap' can't be read: write it.");
  });
});
