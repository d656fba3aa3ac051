import type { CModel } from "./c-model.ts";

/** Threads of a bundle's own, for callers without any: optional, and apart from the model's code. */

export function threadsHeader({ id }: Pick<CModel, "id">): string {
  const guard = `${id}_THREADS_H`.toUpperCase();
  return `/*
 * A pool of POSIX threads for ${id}_use_threads:
 *
 *   ${id}_pool *pool = ${id}_pool_open(4);
 *   if (pool != NULL) ${id}_use_threads(&context, 16, ${id}_pool_for, pool);   (4 parts for each thread)
 *   ...
 *   ${id}_pool_close(pool);   (after the last run)
 *
 * A pool serves one run at a time. Compiled with -DGW_NO_THREADS, or where there are no POSIX threads, none can be opened.
 */
#ifndef ${guard}
#define ${guard}

#include "${id}.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ${id}_pool ${id}_pool;

/* The caller's thread counts among them. Null: no threads in this build, or the system gives none. */
${id}_pool *${id}_pool_open(int threads);
/* A ${id}_parallel_for; the user pointer is the pool. */
void ${id}_pool_for(void *pool, int parts, ${id}_task task, void *data);
void ${id}_pool_close(${id}_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
`;
}

export function threadsSource({ id }: Pick<CModel, "id">): string {
  return `#define _POSIX_C_SOURCE 200112L
#include "${id}_threads.h"

#if !defined(GW_NO_THREADS) && defined(__GNUC__) && !defined(_WIN32)

#include <pthread.h>
#include <stdlib.h>

/* Turns of waiting before a thread sleeps: about a millisecond, so that it is still awake after a step that one thread runs alone. */
#define SPINS 100000

struct worker;

struct ${id}_pool {
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  ${id}_task task;
  void *data;
  int parts;
  int started;         /* workers, to be joined */
  int closing;
  int sleepers;        /* workers that wait for a signal */
  int caller_sleeps;
  int threads;
  struct worker *workers;
  char apart[64];
  int calls;           /* how many there were: a new one is what workers wait for */
  int pending;         /* parts that are not done */
};

/* On a cache line of its own. The first is the caller's. */
struct worker {
  ${id}_pool *pool;
  pthread_t thread;
  int waiting;         /* of its share of the parts, those that no thread has taken */
  char apart[64];
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* The first part of a thread's share: neighbouring parts are one thread's, which has their data in its caches from step to step. */
static int first_part(const ${id}_pool *pool, int thread) {
  return (int)((long)pool->parts * thread / pool->threads);
}

/* Takes parts until none waits: its own ones, then those of others, so that no part waits for a thread that the system does not
 * run. What is taken belongs to the call that goes on: it cannot end before. */
static void run_parts(${id}_pool *pool, int self) {
  for (int i = 0; i < pool->threads; ++i) {
    const int thread = (self + i) % pool->threads;
    int *const share = &pool->workers[thread].waiting;
    int waiting = __atomic_load_n(share, __ATOMIC_SEQ_CST);
    while (waiting > 0) {
      if (!__atomic_compare_exchange_n(share, &waiting, waiting - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
      pool->task(pool->data, first_part(pool, thread) + waiting - 1);
      if (__atomic_sub_fetch(&pool->pending, 1, __ATOMIC_SEQ_CST) == 0 && __atomic_load_n(&pool->caller_sleeps, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
      }
      waiting = __atomic_load_n(share, __ATOMIC_SEQ_CST);
    }
  }
}

static int nothing_to_do(const ${id}_pool *pool, int seen) {
  return __atomic_load_n(&pool->calls, __ATOMIC_SEQ_CST) == seen && !__atomic_load_n(&pool->closing, __ATOMIC_SEQ_CST);
}

static void *work(void *argument) {
  struct worker *const self = (struct worker *)argument;
  ${id}_pool *const pool = self->pool;
  int seen = 0;
  for (;;) {
    for (int i = 0; i < SPINS && nothing_to_do(pool, seen); ++i) pause_briefly();
    if (nothing_to_do(pool, seen)) {
      pthread_mutex_lock(&pool->lock);
      __atomic_add_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      while (nothing_to_do(pool, seen)) pthread_cond_wait(&pool->wake, &pool->lock);
      __atomic_sub_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      pthread_mutex_unlock(&pool->lock);
    }
    if (__atomic_load_n(&pool->closing, __ATOMIC_SEQ_CST)) return NULL;
    seen = __atomic_load_n(&pool->calls, __ATOMIC_SEQ_CST);
    run_parts(pool, (int)(self - pool->workers));
  }
}

static void wake_sleepers(${id}_pool *pool) {
  if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST) == 0) return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

void ${id}_pool_for(void *user, int parts, ${id}_task task, void *data) {
  ${id}_pool *const pool = (${id}_pool *)user;
  pool->task = task;
  pool->data = data;
  pool->parts = parts;
  __atomic_store_n(&pool->pending, parts, __ATOMIC_SEQ_CST);
  for (int i = 0; i < pool->threads; ++i) __atomic_store_n(&pool->workers[i].waiting, first_part(pool, i + 1) - first_part(pool, i), __ATOMIC_SEQ_CST);
  /* The number of calls may wrap around: only whether it changed counts. */
  __atomic_store_n(&pool->calls, (int)((unsigned)pool->calls + 1u), __ATOMIC_SEQ_CST);
  wake_sleepers(pool);
  run_parts(pool, 0);
  for (int i = 0; i < SPINS && __atomic_load_n(&pool->pending, __ATOMIC_SEQ_CST) != 0; ++i) pause_briefly();
  if (__atomic_load_n(&pool->pending, __ATOMIC_SEQ_CST) == 0) return;
  pthread_mutex_lock(&pool->lock);
  __atomic_store_n(&pool->caller_sleeps, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&pool->pending, __ATOMIC_SEQ_CST) != 0) pthread_cond_wait(&pool->done, &pool->lock);
  __atomic_store_n(&pool->caller_sleeps, 0, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&pool->lock);
}

${id}_pool *${id}_pool_open(int threads) {
  ${id}_pool *pool;
  if (threads < 1 || threads > 1024) return NULL;
  pool = (${id}_pool *)calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->workers = (struct worker *)calloc((size_t)threads, sizeof *pool->workers);
  pool->threads = threads;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->done, NULL);
  for (int i = 1; pool->workers != NULL && i < threads; ++i) {
    struct worker *const w = pool->workers + i;
    w->pool = pool;
    if (pthread_create(&w->thread, NULL, work, w) != 0) break;
    ++pool->started;
  }
  if (pool->started == threads - 1 && pool->workers != NULL) return pool;
  ${id}_pool_close(pool);
  return NULL;
}

void ${id}_pool_close(${id}_pool *pool) {
  if (pool == NULL) return;
  __atomic_store_n(&pool->closing, 1, __ATOMIC_SEQ_CST);
  wake_sleepers(pool);
  for (int i = 1; i <= pool->started; ++i) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  free(pool->workers);
  free(pool);
}

#else

#include <stddef.h>

${id}_pool *${id}_pool_open(int threads) {
  (void)threads;
  return NULL;
}

void ${id}_pool_for(void *pool, int parts, ${id}_task task, void *data) {
  (void)pool;
  for (int part = 0; part < parts; ++part) task(data, part);
}

void ${id}_pool_close(${id}_pool *pool) {
  (void)pool;
}

#endif
`;
}
