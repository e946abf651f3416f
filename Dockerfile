# syntax=docker/dockerfile:1
# The server alone: static, without a shell, as nobody.
#   docker build --build-arg RELEASE=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t loop-gateway .
# BUILDER=golang:1.26-bookworm@sha256:… takes that very image, and no other that is called so later.
ARG BUILDER=golang:1.26-bookworm

FROM --platform=$BUILDPLATFORM $BUILDER AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY tools/go.mod tools/go.sum ./tools/
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETARCH
ARG RELEASE=unreleased
ARG REVISION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \
    export GOCACHE=/go/build && GOOS=linux GOARCH=$TARGETARCH tools/build.sh /out/server && tools/supply.sh /out/server /out/supply
# All that the image holds: a scratch image has nothing to make folders with.
RUN mkdir -p /data /image/tmp /image/etc/ssl/certs /image/usr/share/licenses && chmod 1777 /image/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ && \
    cp -r /out/supply/licenses /image/usr/share/licenses/server && \
    cp /out/supply/THIRD_PARTY_LICENSES /out/supply/sbom.json /out/server /image/

FROM scratch
ARG RELEASE=unreleased
ARG REVISION=
LABEL org.opencontainers.image.title="Cegid Loop gateway" \
      org.opencontainers.image.description="Cegid Loop over gRPC and REST" \
      org.opencontainers.image.version=$RELEASE \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.licenses=LicenseRef-internal
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
# gRPC, and REST with documentation and health. Metrics (9091) stay on loopback unless the configuration says otherwise.
EXPOSE 9090 8080
# The ledger: make it once with `server ledger init`, keep it, back it up.
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/server", "healthcheck", "--config", "/etc/loop/gateway.yaml"]
# It wants 120 s to stop, which an image cannot say: docker run --stop-timeout 120 (deploy/README.md).
STOPSIGNAL SIGTERM
ENTRYPOINT ["/server"]
CMD ["serve", "--config", "/etc/loop/gateway.yaml"]
