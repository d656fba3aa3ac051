import type { CModel } from "./c-model.ts";

/**
 * Memory for a bundle's arena and weights, for callers who have none of their own: optional, and apart from the model's code.
 * Kernels walk through megabytes; in pages of 4 KiB each of them costs a look-up of its address, and the processor's own
 * prefetching ends at its border. Linux gives pages of 2 MiB to those who ask (madvise(2), MADV_HUGEPAGE).
 */

export function memoryHeader({ id }: Pick<CModel, "id">): string {
  const guard = `${id}_MEMORY_H`.toUpperCase();
  return `/*
 * Memory for the arena and the weights, at a multiple of 64; from 2 MiB on in large pages where the system has them:
 * runs of a model with megabytes of weights are then up to a fifth faster.
 *
 *   void *arena = ${id}_memory_take(${id.toUpperCase()}_ARENA_BYTES);
 *   ...
 *   ${id}_memory_give(arena);
 */
#ifndef ${guard}
#define ${guard}

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Null: there is no such memory. Not set to zero. */
void *${id}_memory_take(size_t bytes);
/* Gives back what was taken; null is allowed. */
void ${id}_memory_give(void *memory);

#ifdef __cplusplus
}
#endif

#endif
`;
}

export const memorySource = ({ id }: Pick<CModel, "id">): string => `#define _DEFAULT_SOURCE\n#include "${id}_memory.h"\n\n${memoryFunctions(id)}`;

/** The functions alone, for a program that defines _DEFAULT_SOURCE (or more) before its first header. */
export function memoryFunctions(id: string): string {
  return `#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#define LARGE_PAGE ((size_t)1 << 21)

void *${id}_memory_take(size_t bytes) {
  const size_t unit = bytes >= LARGE_PAGE ? LARGE_PAGE : 64;
  unsigned char *block, *memory;
  if (bytes > SIZE_MAX - 2 * unit - sizeof block) return NULL;
  bytes = (bytes + unit - 1) / unit * unit;
  block = (unsigned char *)malloc(sizeof block + unit + bytes);
  if (block == NULL) return NULL;
  memory = block + sizeof block;
  memory += (unit - (uintptr_t)memory % unit) % unit;
  memcpy(memory - sizeof block, &block, sizeof block);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  /* A wish: without large pages the memory is as good, only slower. */
  if (unit == LARGE_PAGE) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void ${id}_memory_give(void *memory) {
  unsigned char *block;
  if (memory == NULL) return;
  memcpy(&block, (unsigned char *)memory - sizeof block, sizeof block);
  free(block);
}
`;
}
