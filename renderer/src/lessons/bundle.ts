import { defineLesson, nodesNow } from "./lesson.ts";

export const bundle = defineLesson({
  id: "bundle",
  example: "digits/digits.onnx",
  minutes: 4,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "run", target: "run-all", done: ({ model }) => nodesNow(model) < 20 },
    { kind: "do", id: "verify", target: "verify", done: ({ model }) => model.verification !== null && model.verification.to === model.b },
    { kind: "predict", id: "needs", answer: 2 },
    { kind: "do", id: "export", target: "export-button", done: ({ model }) => model.saved === model.b && model.b !== 0 },
    { kind: "predict", id: "arena", answer: 1 },
  ],
  texts: {
    en: {
      title: "A bundle that proves itself",
      summary: "From the graph to a folder of C that compiles anywhere.",
      steps: {
        start: { text: "A deployment form needs nothing of what made it: no Python, no framework, no model format. Here it is a folder with C sources, the weights and a test." },
        run: { text: "Optimize first: **Run all** in the Pipeline tab (`Ctrl+Enter`)." },
        verify: { text: "Then verify (`Ctrl+Shift+V`): what is exported should compute what was imported." },
        needs: { text: "What will the machine need that builds the bundle?", choices: ["ONNX Runtime", "A BLAS library", "A C compiler"], reveal: "A C99 compiler and make. No library, no allocation: all memory is one static block." },
        export: { text: "Press **Export** (`Ctrl+E`) and export the deployment bundle. Where a C compiler is at hand, the dialog also builds it and runs its self-test." },
        arena: { text: "The result shows the size of the arena and a lower bound. How can the arena be smaller than the sum of all intermediate tensors?", choices: ["The tensors are compressed", "Tensors that are never alive together share their place", "They are stored in the weights file"], reveal: "Each tensor lives from the kernel that writes it to the last that reads it. The planner packs these spans; the lower bound is the largest sum alive at one time." },
      },
    },
    "zh-CN": {
      title: "能证明自己的部署包",
      summary: "从图到一个在任何地方都能编译的 C 文件夹。",
      steps: {
        start: { text: "部署形态不需要产生它的任何东西：不要 Python，不要框架，不要模型格式。这里它是一个文件夹，含 C 源码、权重和一个测试。" },
        run: { text: "先优化：在流水线标签中按**全部运行**（`Ctrl+Enter`）。" },
        verify: { text: "再验证（`Ctrl+Shift+V`）：导出的应当与导入的计算相同。" },
        needs: { text: "构建部署包的机器需要什么？", choices: ["ONNX Runtime", "一个 BLAS 库", "一个 C 编译器"], reveal: "C99 编译器和 make。不需要库，也不分配内存：全部内存是一个静态块。" },
        export: { text: "按**导出**（`Ctrl+E`）并导出部署包。若有 C 编译器，对话框还会编译它并运行自检。" },
        arena: { text: "结果显示内存区的大小和一个下界。内存区为何能小于全部中间张量之和？", choices: ["张量被压缩了", "不同时存活的张量共用位置", "它们存放在权重文件里"], reveal: "每个张量从写它的内核活到最后一个读它的内核。规划器安排这些区间；下界是同一时刻存活之和的最大值。" },
      },
    },
  },
});
