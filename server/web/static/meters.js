// The browser's own look at a picture of the camera: light and sharpness inside the oval. It stands
// in while the recognition service does not answer; it knows nothing of faces.

const WIDTH = 160;
const HEIGHT = 120;
// Mean brightness of the oval, 0 to 255, and sharpness as the mean absolute Laplacian there.
const TOO_DARK = 55;
const TOO_BRIGHT = 215;
const TOO_UNEVEN = 70;
const TOO_BLURRED = 2.2;

const canvas = document.createElement("canvas");
canvas.width = WIDTH;
canvas.height = HEIGHT;
const pen = canvas.getContext("2d", { willReadFrequently: true });

function isInsideOval(x, y) {
  const dx = (x - WIDTH / 2) / (WIDTH * 0.2);
  const dy = (y - HEIGHT * 0.487) / (HEIGHT * 0.347);
  return dx * dx + dy * dy <= 1;
}

function greyOf(video) {
  pen.drawImage(video, 0, 0, WIDTH, HEIGHT);
  const pixels = pen.getImageData(0, 0, WIDTH, HEIGHT).data;
  const grey = new Float32Array(WIDTH * HEIGHT);
  for (let i = 0; i < grey.length; i += 1) {
    grey[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
  }
  return grey;
}

function measure(grey) {
  const halves = [0, 0];
  const counts = [0, 0];
  let edges = 0;
  for (let y = 1; y < HEIGHT - 1; y += 1) {
    for (let x = 1; x < WIDTH - 1; x += 1) {
      if (!isInsideOval(x, y)) continue;
      const i = y * WIDTH + x;
      const half = x < WIDTH / 2 ? 0 : 1;
      halves[half] += grey[i];
      counts[half] += 1;
      edges += Math.abs(4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - WIDTH] - grey[i + WIDTH]);
    }
  }
  const left = halves[0] / counts[0];
  const right = halves[1] / counts[1];
  const light = (left + right) / 2;
  return { light, uneven: Math.abs(left - right), sharpness: edges / (counts[0] + counts[1]) };
}

function verdict(seen) {
  if (seen.light < TOO_DARK) return "dark";
  if (seen.light > TOO_BRIGHT) return "bright";
  if (seen.uneven > TOO_UNEVEN) return "uneven";
  if (seen.sharpness < TOO_BLURRED) return "blurred";
  return "good";
}

// Bars as the server makes them: 0 to 100, 50 at the limit.
function bars(seen) {
  const middle = (TOO_DARK + TOO_BRIGHT) / 2;
  const light = 100 - (50 * Math.abs(seen.light - middle)) / (TOO_BRIGHT - middle);
  return { light, sharpness: (50 * seen.sharpness) / TOO_BLURRED };
}

export function look(video) {
  const seen = measure(greyOf(video));
  return { key: verdict(seen), bars: bars(seen) };
}
