# The image: one static program and nothing else. By `docker build .` or `buildah bud .`; with --platform linux/arm64 the
# program is cross-built, nothing is emulated. BASE may be any Debian 12.
ARG BASE=debian:bookworm-slim
FROM --platform=$BUILDPLATFORM ${BASE} AS build
ARG TARGETARCH

WORKDIR /kube-canary
COPY scripts/install-packages scripts/
RUN scripts/install-packages "release-$TARGETARCH"
COPY scripts/build-release scripts/
COPY scripts/release scripts/release
RUN RELEASE=/release scripts/build-release "$TARGETARCH" libraries
COPY scripts/embed-page scripts/
COPY Makefile ./
COPY bpf bpf
COPY include include
COPY src src
ARG REVISION=unknown
RUN RELEASE=/release REVISION="$REVISION" scripts/build-release "$TARGETARCH" && \
    install -m 755 /release/kube-canary* /kube-canary.built

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kube-canary" \
      org.opencontainers.image.description="Round-trip time and loss between all nodes, stamped inside the kernel, for Prometheus" \
      org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause) AND (LGPL-2.1-only OR BSD-2-Clause) AND LGPL-2.1-or-later AND (LGPL-3.0-or-later OR GPL-2.0-or-later) AND MIT AND Zlib" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /kube-canary.built /kube-canary
# Root, with few capabilities: the part that talks to anybody outside drops even these by itself.
ENTRYPOINT ["/kube-canary"]
