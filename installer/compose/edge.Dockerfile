# The school's appliance as an image, for schools that run containers. SQLite
# needs C, so it is built and run on Debian.
# Built from the repository's root: docker build -f installer/compose/edge.Dockerfile .

FROM node:20-bookworm-slim AS web
WORKDIR /src/shared/web
COPY shared/web/package.json shared/web/package-lock.json shared/web/.npmrc ./
RUN npm ci --no-progress
COPY shared/web/ ./
RUN npm run build

FROM golang:1.26-bookworm AS build
ARG VERSION=dev
ENV CGO_ENABLED=1 GOWORK=off
WORKDIR /src
COPY syncproto/ syncproto/
COPY migrations/ migrations/
COPY shared/ shared/
COPY edge/ edge/
COPY --from=web /src/shared/web/dist/ shared/web/dist/
RUN cd edge && go build -tags sqlite_fts5 -trimpath -ldflags "-s -w -X urbanhomeschool.org/uhs/edge/internal/app.Version=${VERSION}" -o /out/uhs-edge ./cmd/uhs-edge

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group uhs && mkdir /data && chown uhs:uhs /data
COPY --from=build /out/uhs-edge /usr/local/bin/uhs-edge
USER uhs
ENV DATA_DIR=/data HTTP_ADDR=:8080
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["uhs-edge"]
CMD ["serve"]
