# syntax=docker/dockerfile:1
# Builds the zips of the functions, or an image with the local server.
# Zips:           docker build --target functions --build-arg AWS_REGION=sa-east-1 --output target/lambda .
# Local server:   docker build --target demo --tag scheduler-demo .
#                 docker run --rm -p 127.0.0.1:9000:9000 scheduler-demo
# The published port is asked as localhost or 127.0.0.1. For another name, such as the container's in a network of
# containers or a tunnel's, add --env LOCAL_HOSTS=<name>.

FROM rust:1.95-slim-bookworm AS source
WORKDIR /scheduler
COPY . .

FROM source AS package
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils cmake g++ make nodejs npm python3-venv \
    && rm -rf /var/lib/apt/lists/*
ARG AWS_REGION=us-east-1
ENV AWS_REGION=$AWS_REGION
RUN .ci/package deploy

FROM scratch AS functions
COPY --from=package /scheduler/target/lambda/*.zip /

FROM source AS server
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ make \
    && rm -rf /var/lib/apt/lists/*
RUN cargo build --locked --release --package scheduler-local

FROM debian:bookworm-slim AS demo
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-15 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 scheduler \
    && install --directory --owner scheduler /home/scheduler/.local
COPY --from=server /scheduler/target/release/scheduler-local /usr/local/bin/
USER 10001
WORKDIR /home/scheduler
ENV LOCAL_ADDRESS=0.0.0.0
EXPOSE 9000
VOLUME /home/scheduler/.local
ENTRYPOINT ["scheduler-local"]
