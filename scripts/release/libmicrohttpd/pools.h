/* What libmicrohttpd has for its connections, in one place instead of malloc()'s: whole pages, which are the kernel's
 * again as soon as a connection ends. From malloc() what many at once had touched would stay for good. No thread but one
 * is in here. Put into its memorypool.c by build-dependencies. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define POOLS	   32	/* HTTP_CONNECTED_MAX of include/http_state.h; the next are malloc()'s */
#define POOL_BYTES 8192 /* no less than HTTP_CONNECTION_MEMORY of include/http.h */

static _Alignas (POOL_BYTES) unsigned char pools[POOLS][POOL_BYTES];
static bool pool_taken[POOLS];

static void *
pool_memory_take (size_t bytes)
{
  for (size_t i = 0; i < POOLS && bytes <= POOL_BYTES; i++)
  {
    if (! pool_taken[i])
    {
      pool_taken[i] = true;
      return pools[i];
    }
  }
  return malloc (bytes);
}


static void
pool_memory_give (void *memory)
{
  size_t i = ((uintptr_t) memory - (uintptr_t) pools) / POOL_BYTES;

  if (i >= POOLS)
  {
    free (memory);
    return;
  }
  pool_taken[i] = false;
  /* Where pages are larger, others' pools are in the same one: all stay. */
  if (POOL_BYTES % (size_t) sysconf (_SC_PAGESIZE) == 0)
    (void) madvise (memory, POOL_BYTES, MADV_DONTNEED);
}
