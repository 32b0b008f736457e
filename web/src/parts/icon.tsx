// Line drawings. They say nothing to a screen reader: whoever uses one gives the words.

const PATHS = {
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  menu: "M4 7h16M4 12h16M4 17h10",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM20 20l-4.2-4.2",
  pen: "M5 19l1-4L16.5 4.5a2 2 0 0 1 3 3L9 18l-4 1zM14.5 6.5l3 3",
  bin: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7.5 7.5h9v9h-9z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  check: "M5 12.5l4.5 4.5L19 7",
  house: "M4.500 11L12 4.500 19.500 11M6.500 9.500V19.500h11V9.500M10 19.500v-5.500h4v5.500",
  paper: "M7 3.5h7l4 4V20.5H7zM14 3.5V8h4M9.8 12h5.4M9.8 15.5h5.4",
  seal: "M5 4.5h14v15H5zM8.5 9h7M8.5 12.5h7M8.5 16h3.5",
  people: "M9 11.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 19.5c0-3.2 2.4-5.2 5.5-5.2s5.5 2 5.5 5.2M16 5.6a3 3 0 0 1 0 5.6M17.4 14.6c2 .7 3.1 2.4 3.1 4.9",
  sliders: "M4 7.5h9M17.5 7.5H20M15.2 5.2v4.6M4 16.5h2.5M11 16.5h9M8.8 14.2v4.6",
  keys: "M3.5 7h17v10h-17zM7 10.5h.01M10.4 10.5h.01M13.7 10.5h.01M17 10.5h.01M8.5 13.8h7",
  leave: "M14 5H6v14h8M10.5 12H20M16.5 8.5L20 12l-3.5 3.5",
  bell: "M6 17h12c-1.400-1.300-2-2.700-2-5V10a4 4 0 0 0-8 0v2c0 2.300-.6 3.700-2 5zM10.300 20h3.400M12 6V4",
  again: "M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4",
  branch: "M7 6v12M7 14c0-3 10-2 10-6M5 4h4v2H5zM15 4h4v4h-4zM5 18h4v2H5z",
  save: "M12 4v11M7.500 10.500L12 15l4.500-4.500M5 19.500h14",
  print: "M7 9V4h10v5M7 17H4.500V9.500h15V17H17M7 14h10v6H7z",
  down: "M12 5v14M6 13l6 6 6-6",
  drop: "M12 15V5M7.5 9.5L12 5l4.5 4.5M5 15.5V19h14v-3.5",
  tool: "M14.5 6.2a4 4 0 0 0-5 5L4.5 16.300l3.200 3.200 5.100-5a4 4 0 0 0 5-5l-2.600 2.500-2.300-.6-.6-2.300z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
