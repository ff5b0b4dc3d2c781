// A probability as a percentage.

export function percent(probability) {
  return `${Math.round(100 * probability)}%`;
}
