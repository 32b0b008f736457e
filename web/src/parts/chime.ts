// Three short tones. A browser plays them once somebody has touched the page, and not before.

const TONES = [880, 988, 1319];

export function chime(): void {
  try {
    const sound = new AudioContext();
    const gain = sound.createGain();
    gain.connect(sound.destination);
    TONES.forEach((frequency, place) => {
      const tone = sound.createOscillator();
      const at = sound.currentTime + place * 0.22;
      tone.frequency.value = frequency;
      tone.connect(gain);
      tone.start(at);
      tone.stop(at + 0.18);
    });
    gain.gain.value = 0.15;
    window.setTimeout(() => void sound.close(), 1500);
  } catch {
    // no sound here: it is shown as well
  }
}
