# The gateway in an image that has nothing else: no shell, no package manager, and no root.
#
#   docker build -t hubbub .
#   docker run -p 8080:8080 -v ./hubbub.yaml:/etc/hubbub/hubbub.yaml:ro -v hubbub:/var/lib/hubbub hubbub

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/hubbub ./cmd/hubbub
RUN mkdir /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/hubbub /usr/local/bin/hubbub
# Where hubbub.yaml is looked for. It may be missing: variables can say everything.
WORKDIR /etc/hubbub
# The store. Without a volume of a name it is lost with the container. The variable counts before the file.
COPY --from=build --chown=nonroot:nonroot /out/data /var/lib/hubbub
ENV HUBBUB_STORE_PATH=/var/lib/hubbub/hubbub.db
VOLUME ["/var/lib/hubbub"]
USER nonroot:nonroot
EXPOSE 8080
# A gateway that shuts down is well, only not ready: orchestrators that know the difference ask /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["hubbub", "health"]
ENTRYPOINT ["hubbub"]
CMD ["serve"]
