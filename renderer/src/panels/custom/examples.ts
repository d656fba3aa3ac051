/** Custom rewrites to start from. Each is held against the parser and a graph by a test. */
export const customExamples = [
  {
    id: "identity",
    text: `rewrite "drop-identity" {
  summary "A copy computes nothing"
  exactness exact
  pattern (%x) {
    %y = Identity(%x)
    return %y
  }
  replace {
    return %x
  }
}
`,
  },
  {
    id: "clip",
    text: `rewrite "clip-from-max-min" {
  summary "A lower bound and then an upper bound are one Clip"
  exactness exact
  pattern (%x, %low, %high) {
    %a = Max(%x, %low)
    %y = Min(%a, %high)
    return %y
  }
  where {
    element(%x) is float
    constant(%low); rank(%low) = 0
    constant(%high); rank(%high) = 0
  }
  replace {
    %c = Clip(%x, %low, %high)
    return %c
  }
}
`,
  },
  {
    id: "conditions",
    text: `rewrite "relu-before-max-pool" {
  summary "Both only ever take a larger value, so the smaller tensor can be rectified"
  exactness exact
  pattern (%x) {
    %r = Relu(%x)
    %y = MaxPool(%r) {...}
    return %y
  }
  where {
    element(%x) is float
    size(%x, 1) > 16
  }
  replace {
    %p = MaxPool(%x) {...%y}
    %z = Relu(%p)
    return %z
  }
}
`,
  },
  {
    id: "wrong",
    text: `# Wrong on purpose: the numerical check refuses it, and it cannot be saved.
rewrite "forget-relu" {
  summary "Leaves the activation out"
  pattern (%x) {
    %y = Relu(%x)
    return %y
  }
  replace {
    return %x
  }
}
`,
  },
] as const;
