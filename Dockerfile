# syntax=docker/dockerfile:1

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
# The ports are published by whoever runs the container; inside it every interface has to be listened on.
# Fixed, and above the 64 KiB that sockets read into: the memory of large values goes back to the system when they are gone.
ENV NODE_ENV=production \
    MALLOC_MMAP_THRESHOLD_=98304 \
    AUTOMATION_KV_RESP_HOST=0.0.0.0 \
    AUTOMATION_KV_HTTP_HOST=0.0.0.0 \
    AUTOMATION_KV_ADMIN_PORT=9090
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 6380 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.AUTOMATION_KV_ADMIN_PORT}/livez`, { signal: AbortSignal.timeout(2500) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node as process 1 gets the signals itself; `npm start` would stand between.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
