/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the README's section on scale: what meshes of many sizes cost, and which faults
 * they do not see. Simulated: the same figures everywhere, from the seeds 1, 2, 3, … of each row.
 *   mesh_table [NODES ZONES MESHES]     of one size only, and only what it costs
 */
#include <stdio.h>

#include "mesh_cluster.h"

enum {
	RACK = 40,
	RACKS = 50, /* tried in each mesh */
	JOINS = 20,
};

static const struct shape shapes[] = {
	{ 10, 1, false, 100 },	  { 100, 1, false, 1000 }, { 100, 3, false, 1000 },
	{ 100, 20, false, 1000 }, { 1000, 1, false, 100 }, { 1000, 3, false, 100 },
	{ 1000, 20, false, 100 }, { 5000, 1, false, 8 },   { 5000, 3, false, 8 },
	{ 5000, 20, false, 8 },	  { 5000, 20, true, 8 },   { 10000, 1, false, 3 },
	{ 10000, 3, false, 3 },	  { 10000, 20, false, 3 },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* How many nodes have each number of pairs. */
struct spread {
	uint64_t nodes;
	uint32_t with[NODES_MAX];
};

struct cost {
	uint64_t pairs, joins, changed, changed_max, own;
	struct spread out, in;
	struct spread tiny_in; /* of the nodes of the tiny zone */
	uint64_t tiny_joins, tiny_changed;
};

struct fault {
	uint64_t unseen, trials;
};

struct faults {
	struct fault node, rack, link, node_to_zone, path;
	struct fault tiny_link, node_to_tiny; /* of the last zone */
	uint64_t rack_least;		      /* pairs that cross */
};

/* The pairs that change as this one joins, or leaves: the mesh without it is compared. Who does not
 * probe it chooses the same without it, as the unit tests assert. Returns how many, and how many of
 * them are its own. */
static uint64_t join_measure(uint32_t joined, bool known, uint64_t *ret_own)
{
	uint64_t own = pairs.count[joined], others = 0;

	for (uint32_t i = 0; i < cluster.count; i++) {
		uint32_t before[CAPACITY], count;

		if (!holds(pairs.chosen[i], pairs.count[i], joined))
			continue;
		own++;
		count = choose(i, known, joined, before);
		for (uint32_t k = 0; k < count; k++)
			others += !holds(pairs.chosen[i], pairs.count[i], before[k]);
		for (uint32_t k = 0; k < pairs.count[i]; k++)
			others += pairs.chosen[i][k] != joined &&
				  !holds(before, count, pairs.chosen[i][k]);
	}
	*ret_own = own;
	return own + others;
}

static void joins_measure(struct cost *cost, bool known)
{
	uint64_t own;

	for (int i = 0; i < JOINS; i++) {
		uint64_t changed = join_measure(below(&cluster.random, cluster.count), known, &own);

		cost->joins++;
		cost->own += own;
		cost->changed += changed;
		if (cost->changed_max < changed)
			cost->changed_max = changed;
	}
	cost->tiny_changed += join_measure(cluster.count - 1, known, &own);
	cost->tiny_joins++;
}

static void spread_add(struct spread *spread, uint32_t value)
{
	spread->with[value]++;
	spread->nodes++;
}

static void cost_measure(struct cost *cost, bool known)
{
	static uint32_t watched[NODES_MAX];

	memset(watched, 0, sizeof(watched));
	for (uint32_t i = 0; i < cluster.count; i++) {
		spread_add(&cost->out, pairs.count[i]);
		cost->pairs += pairs.count[i];
		for (uint32_t k = 0; k < pairs.count[i]; k++)
			watched[pairs.chosen[i][k]]++;
	}
	for (uint32_t i = 0; i < cluster.count; i++)
		spread_add(&cost->in, watched[i]);
	for (uint32_t i = cluster.count - TINY; i < cluster.count; i++)
		spread_add(&cost->tiny_in, watched[i]);
	joins_measure(cost, known);
}

static void fault_add(struct fault *fault, bool seen)
{
	fault->trials++;
	fault->unseen += !seen;
}

/* Nothing crosses between these nodes of one zone, of consecutive addresses, and all others. */
static void rack_measure(struct faults *faults)
{
	uint32_t first, zone;
	uint64_t crossing = 0;

	do {
		first = below(&cluster.random, cluster.count);
		zone = cluster.nodes[first].zone;
	} while (first + RACK > cluster.first[zone + 1]);
	for (uint32_t i = 0; i < cluster.count; i++)
		for (uint32_t k = 0; k < pairs.count[i]; k++)
			crossing += (i - first < RACK) != (pairs.chosen[i][k] - first < RACK);
	fault_add(&faults->rack, crossing > 0);
	if (crossing < faults->rack_least)
		faults->rack_least = crossing;
}

/* Whatever crosses between a zone and another, or between a node and a zone, in either direction.
 */
static void zones_measure(struct faults *faults)
{
	static bool reaches[NODES_MAX][MESH_ZONES];
	static bool linked[MESH_ZONES][MESH_ZONES];

	memset(reaches, 0, sizeof(reaches));
	memset(linked, 0, sizeof(linked));
	for (uint32_t i = 0; i < cluster.count; i++)
		for (uint32_t k = 0; k < pairs.count[i]; k++) {
			uint32_t other = pairs.chosen[i][k];
			uint32_t from = cluster.nodes[i].zone, to = cluster.nodes[other].zone;

			reaches[i][to] = reaches[other][from] = true;
			linked[from][to] = linked[to][from] = true;
		}
	for (uint32_t zone = 1; zone <= cluster.zones; zone++) {
		for (uint32_t other = 1; other < zone; other++)
			fault_add(&faults->link, linked[zone][other]);
		for (uint32_t i = 0; i < cluster.count; i++)
			if (cluster.nodes[i].zone != zone)
				fault_add(&faults->node_to_zone, reaches[i][zone]);
	}
	for (uint32_t other = 1; other < cluster.zones; other++)
		fault_add(&faults->tiny_link, linked[cluster.zones][other]);
	for (uint32_t i = 0; i < cluster.first[cluster.zones]; i++)
		fault_add(&faults->node_to_tiny, reaches[i][cluster.zones]);
}

static void faults_measure(struct faults *faults)
{
	static bool watched[NODES_MAX];
	uint64_t paths = (uint64_t)cluster.count * (cluster.count - 1) / 2, seen = 0;

	memset(watched, 0, sizeof(watched));
	for (uint32_t i = 0; i < cluster.count; i++)
		for (uint32_t k = 0; k < pairs.count[i]; k++) {
			uint32_t other = pairs.chosen[i][k];

			watched[other] = true;
			seen += i < other || !holds(pairs.chosen[other], pairs.count[other], i);
		}
	for (uint32_t i = 0; i < cluster.count; i++)
		fault_add(&faults->node, watched[i]);
	faults->path.trials += paths;
	faults->path.unseen += paths - seen;
	for (int i = 0; i < RACKS && cluster.first[2] > RACK; i++) /* the largest zone holds it */
		rack_measure(faults);
	zones_measure(faults);
}

/* 12345 as 12,345 */
static void print_count(uint64_t count)
{
	if (count >= 1000)
		print_count(count / 1000);
	printf(count >= 1000 ? ",%03u" : "%u", (unsigned int)(count % 1000));
}

/* The least number that so many of a thousand nodes do not exceed. */
static uint32_t spread_at(const struct spread *spread, uint32_t of_thousand)
{
	uint64_t nodes = 0;
	uint32_t value = 0;

	while ((nodes += spread->with[value]) * 1000 < spread->nodes * of_thousand || nodes == 0)
		value++;
	return value;
}

static void spread_print(const struct spread *spread)
{
	static const uint32_t parts[] = { 0, 500, 990, 1000 };

	printf("| ");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		printf(i > 0 ? " / " : "");
		print_count(spread_at(spread, parts[i]));
	}
	printf(" ");
}

static void fault_print(const struct fault *fault)
{
	double percent = 100.0 * (double)fault->unseen / (double)(fault->trials + !fault->trials);

	if (fault->trials == 0) {
		printf("–");
	} else if (fault->unseen == 0) {
		printf("0 of ");
		print_count(fault->trials);
	} else {
		printf("%.*f %%", percent < 0.1 ? 4 : percent < 10 ? 2 : 1, percent);
	}
}

static void shape_print(const struct shape *shape)
{
	printf("| ");
	print_count(shape->count);
	printf(" ");
}

/* What the shape is called, and with its zones known beforehand. */
static const char *zones_name(const struct shape *shape, bool known)
{
	static char name[64];

	if (shape->zones == 1)
		return "1, or not known";
	snprintf(name, sizeof(name), "%u%s%s", shape->zones, known ? " known" : "",
		 shape->tiny ? " and one of 3 nodes" : "");
	return name;
}

static void cost_print(const struct shape *shape, const struct cost *cost)
{
	shape_print(shape);
	printf("| %s | ", zones_name(shape, true));
	print_count((cost->pairs + shape->meshes / 2) / shape->meshes);
	printf(" ");
	spread_print(&cost->out);
	spread_print(&cost->in);
	printf("| %.1f / ", (double)cost->changed / (double)cost->joins);
	print_count(cost->changed_max);
	printf(" | %.1f |\n", (double)cost->own / (double)cost->joins);
}

static void faults_print(const struct shape *shape, const struct faults *unknown,
			 const struct faults *known)
{
	const struct fault *cells[] = {
		&unknown->node,		&unknown->rack,	      &unknown->link, &known->link,
		&unknown->node_to_zone, &known->node_to_zone, &unknown->path,
	};

	shape_print(shape);
	printf("| %s ", zones_name(shape, false));
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		printf("| ");
		fault_print(cells[i]);
		if (cells[i] == &unknown->rack && unknown->rack.trials > 0) {
			printf(", at least ");
			print_count(unknown->rack_least);
			printf(" pairs");
		}
		printf(" ");
	}
	printf("|\n");
}

static void tiny_print(const struct cost *cost, const struct faults *unknown)
{
	printf("\nWhere it is known, each of the %d nodes of the small zone is probed by ", TINY);
	print_count(spread_at(&cost->tiny_in, 0));
	printf(" to ");
	print_count(spread_at(&cost->tiny_in, 1000));
	printf(" others, and one that joins it changes ");
	print_count(cost->tiny_changed / cost->tiny_joins);
	printf(" pairs. Where it is not, unseen: its link to another zone ");
	fault_print(&unknown->tiny_link);
	printf("; a node's way to it ");
	fault_print(&unknown->node_to_tiny);
	printf(".\n");
}

static void costs_print(const struct shape *rows, const struct cost *costs, size_t count)
{
	printf("| nodes | zones | pairs (probes/s at 1 s) | a node probes: min / median / p99 / "
	       "max "
	       "| and is probed by "
	       "| pairs that change when one joins: mean / max | of them its own: mean |\n"
	       "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++)
		cost_print(&rows[i], &costs[i]);
}

static void all_faults_print(const struct faults (*faults)[2])
{
	printf("\n| nodes | zones | one node | a rack of 40 | the link between two zones "
	       "| …zones known | one node's way to a zone | …zones known | the way between two "
	       "nodes |\n"
	       "|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < SHAPES; i++)
		faults_print(&shapes[i], &faults[i][0], &faults[i][1]);
}

static void shape_measure(const struct shape *shape, struct cost *cost, struct faults faults[2])
{
	for (int known = 0; known < 2; known++)
		faults[known].rack_least = UINT64_MAX;
	for (uint64_t seed = 1; seed <= shape->meshes; seed++) {
		cluster_make(shape, seed);
		pairs_make(false);
		faults_measure(&faults[0]);
		if (cluster.zones > 1) /* one that is known makes no difference */
			pairs_make(true);
		faults_measure(&faults[1]);
		cost_measure(cost, true);
	}
}

/* One row; exit status. */
static int one_measure(char **arguments)
{
	static struct cost cost;
	struct shape shape = { .count = (uint32_t)strtoul(arguments[0], NULL, 10),
			       .zones = (uint32_t)strtoul(arguments[1], NULL, 10),
			       .meshes = (uint32_t)strtoul(arguments[2], NULL, 10) };

	if (shape.count < 10 || shape.count > NODES_MAX || shape.zones < 1 ||
	    shape.zones > MESH_ZONES - 1 || shape.zones > shape.count / 4 || shape.meshes < 1) {
		fprintf(stderr,
			"mesh_table: got %s %s %s, expected 10 to %d nodes, 1 to %d zones of four "
			"nodes and more, 1 mesh and more\n",
			arguments[0], arguments[1], arguments[2], NODES_MAX, MESH_ZONES - 1);
		return 2;
	}
	for (uint64_t seed = 1; seed <= shape.meshes; seed++) {
		cluster_make(&shape, seed);
		pairs_make(true);
		cost_measure(&cost, true);
	}
	costs_print(&shape, &cost, 1);
	return 0;
}

static void all_measure(void)
{
	static struct cost costs[SHAPES];
	static struct faults faults[SHAPES][2];

	for (size_t i = 0; i < SHAPES; i++)
		shape_measure(&shapes[i], &costs[i], faults[i]);
	costs_print(shapes, costs, SHAPES);
	for (size_t i = 0; i < SHAPES; i++)
		if (shapes[i].tiny)
			tiny_print(&costs[i], &faults[i][0]);
	all_faults_print(faults);
}

int main(int count, char **arguments)
{
	int status = 0;

	if (count != 1 && count != 4) {
		fprintf(stderr, "mesh_table [NODES ZONES MESHES]\n");
		return 2;
	}
	if (mesh_open(CAPACITY, &mesh) != 0)
		return 1;
	if (count == 4)
		status = one_measure(arguments + 1);
	else
		all_measure();
	mesh_close(mesh);
	return status;
}
