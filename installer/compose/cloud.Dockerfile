# The cloud: the web app is built first, then one static binary around it.
# Built from the repository's root: docker build -f installer/compose/cloud.Dockerfile .

FROM node:20-alpine AS web
WORKDIR /src/shared/web
COPY shared/web/package.json shared/web/package-lock.json shared/web/.npmrc ./
RUN npm ci --no-progress
COPY shared/web/ ./
RUN npm run build

FROM golang:1.26-alpine AS build
ARG VERSION=dev
ENV CGO_ENABLED=0 GOWORK=off
WORKDIR /src
COPY syncproto/ syncproto/
COPY migrations/ migrations/
COPY shared/ shared/
COPY cloud/ cloud/
COPY --from=web /src/shared/web/dist/ shared/web/dist/
RUN cd cloud && go build -trimpath -ldflags "-s -w -X urbanhomeschool.org/uhs/cloud/internal/app.Version=${VERSION}" -o /out/uhs-cloud ./cmd/uhs-cloud

FROM alpine:3.22
# pg_dump and pg_restore must be of the server's major version; docker-compose.yml says 16.
RUN apk add --no-cache ca-certificates tzdata postgresql16-client \
    && addgroup -S uhs && adduser -S -G uhs uhs \
    && mkdir /data /backups && chown uhs:uhs /data /backups
COPY --from=build /out/uhs-cloud /usr/local/bin/uhs-cloud
USER uhs
VOLUME /data
EXPOSE 8000 7422
ENTRYPOINT ["uhs-cloud"]
CMD ["serve"]
