// A probability as people read it.

export function percent(probability) {
  return `${Math.round(100 * probability)} %`;
}
