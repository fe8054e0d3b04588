import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { PinPad } from './PinPad';

function Pad({ onDone, busy = false }: { onDone: (pin: string) => void; busy?: boolean }) {
  const [pin, setPin] = useState('');
  return <PinPad pin={pin} busy={busy} onChange={setPin} onDone={onDone} />;
}

const tap = async (...names: string[]) => {
  for (const name of names) await userEvent.click(screen.getByRole('button', { name }));
};

describe('the PIN pad', () => {
  it('hands over four tapped digits', async () => {
    const done = vi.fn();
    render(<Pad onDone={done} />);
    await tap('1', '2', '3', '4', 'Sign in');
    expect(done).toHaveBeenCalledExactlyOnceWith('1234');
  });

  it('takes the digits of a keyboard, and Enter', async () => {
    const done = vi.fn();
    render(<Pad onDone={done} />);
    await userEvent.keyboard('90812{Backspace}{Enter}');
    expect(done).toHaveBeenCalledExactlyOnceWith('9081');
  });

  it('does not sign in with fewer than four digits', async () => {
    const done = vi.fn();
    render(<Pad onDone={done} />);
    await userEvent.keyboard('123{Enter}');
    expect(screen.getByRole('button', { name: 'Sign in' })).toBeDisabled();
    expect(done).not.toHaveBeenCalled();
  });

  it('stops at six digits', async () => {
    const done = vi.fn();
    render(<Pad onDone={done} />);
    await userEvent.keyboard('12345678{Enter}');
    expect(done).toHaveBeenCalledExactlyOnceWith('123456');
  });

  it('shows how many digits there are and never which', async () => {
    render(<Pad onDone={vi.fn()} />);
    await tap('7', '7');
    expect(screen.getByRole('status')).toHaveTextContent('2 digits typed');
    expect(screen.getByRole('status')).not.toHaveTextContent('7');
  });
});
