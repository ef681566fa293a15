/* SPDX-License-Identifier: Apache-2.0 */
/* What elfutils' configure would find out, as far as libelf asks. No threads share an Elf here. */
#define HAVE_STDATOMIC_H 1
#define HAVE_DECL_MEMPCPY 1
#define HAVE_DECL_POWEROF2 1
#define HAVE_DECL_RAWMEMCHR 0
#define HAVE_DECL_REALLOCARRAY 1
#define HAVE_ERR_H 1
#include <eu-config.h>
