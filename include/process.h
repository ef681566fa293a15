/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, from /proc/self, for the process_* metrics. */
#ifndef PROCESS_H
#define PROCESS_H

#include "exposition.h"

/* Keeps what needs opening open, so that a scrape opens nothing it cannot close. Values that cannot be
 * read stay 0. */
void process_usage_read(struct process_usage *ret);

#endif
