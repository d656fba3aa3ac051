const size = 624;
const offset = 397;

/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), seeded with one 32-bit number. Uniform and normal numbers
 * are drawn from it as NumPy's RandomState draws them, which is what ONNX's reference evaluation uses for seeded nodes.
 */
export class MersenneTwister {
  private readonly state = new Uint32Array(size);
  private at = size;
  private spare: number | undefined;

  constructor(seed: number) {
    this.state[0] = seed >>> 0;
    for (let i = 1; i < size; i++) {
      const before = this.state[i - 1]!;
      this.state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  private refill(): void {
    const { state } = this;
    for (let i = 0; i < size; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
      state[i] = state[(i + offset) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  /** Uniform 32-bit unsigned integer. */
  uint32(): number {
    if (this.at === size) this.refill();
    let y = this.state[this.at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Standard normal (Marsaglia's polar method: two numbers are made at once). */
  normal(): number {
    const { spare } = this;
    this.spare = undefined;
    if (spare !== undefined) return spare;
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = scale * x;
      return scale * y;
    }
  }
}
