/* Runs a function on several threads. Each thread is a core of its own. */
#pragma once

#include <pthread.h>
#include <smp/percpu.h>
#include <tests/unit/unit.h>

enum { THREADS = 4 };

static struct percpu thread_percpu[THREADS];

struct thread_start {
    pthread_t thread;
    uint32_t number;
    void (*run)(void);
};

static void *enter_thread(void *argument)
{
    const struct thread_start *start = argument;
    host_core_enter(start->number, &thread_percpu[start->number]);
    start->run();
    return NULL;
}

static inline void run_threads(void (*run)(void))
{
    struct thread_start starts[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        thread_percpu[i] = (struct percpu){.online = true};
        starts[i] = (struct thread_start){.number = i, .run = run};
        pthread_create(&starts[i].thread, NULL, enter_thread, &starts[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(starts[i].thread, NULL);
}
