/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the page: the parts that the server fills in. page.c owns the order in which they
 * stand, page_peers.c the rows of peers, page_status.c what is told of this node. The markup, the
 * style and the script are src/page/; what a part looks like is agreed with them.
 */
#ifndef PAGE_PARTS_H
#define PAGE_PARTS_H

#include <stdint.h>

#include "exposition.h"
#include "peer_view.h"
#include "text.h"

/* One row, or nothing where no live peer is. */
void page_append_peer(struct text *text, const struct exposition *exposition, uint32_t slot);

void page_append_about(struct text *text, const struct exposition *exposition);
void page_append_summary(struct text *text, const struct exposition *exposition);
void page_append_here(struct text *text, const struct exposition *exposition);

/* A sign for those who see no colours. */
const char *page_mark(enum peer_health health);

/* For people, three digits: "12.3 us", "4.56 ms", "1.20 s", with the proper sign and a space that
 * does not break. */
void page_append_duration(struct text *text, uint64_t value_ns);

#endif
