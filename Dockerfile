# Packhouse in a container (docs/operations.md). Targets: `server`, which is the default and with another command the
# worker, and `sandbox`, for trying the API out. Build: docker build -t packhouse .

# Pinned by digest, so that a build tomorrow is the build of today. Bring it up to date with the tag beside it.
ARG BASE=python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
# pip stays behind: the environment is made without it.
RUN python3 -m venv /opt/pip \
 && python3 -m venv --without-pip /opt/packhouse \
 && /opt/pip/bin/pip --python /opt/packhouse/bin/python install --no-cache-dir --constraint constraints.txt \
    '.[otel,postgres,s3]'
# What no code here reads: languages of neither the page nor files of orders, translations of country names, reportlab's
# fonts (labels bring their own), programming languages to be coloured, tests of packages, and symbols for debuggers.
ARG LANGUAGES="ar|bg|ca|cs|da|de|el|en|es|et|fi|fr|ga|he|hr|hu|it|ja|ko|lt|lv|nb|nl|no|pl|pt|ro|root|ru|sk|sl|sv|th|tr|uk|vi|zh"
RUN apt-get update -qq && apt-get install -qq --no-install-recommends binutils > /dev/null \
 && cd /opt/packhouse/lib/python3*/site-packages \
 && find babel/locale-data -name '*.dat' | grep -vE "/(${LANGUAGES})(_[A-Za-z0-9_]+)?\.dat$" | xargs rm \
 && find pygments/lexers -name '*.py*' | grep -vE '/(__init__|_mapping|python|special)\.' | xargs rm \
 && rm -rf pycountry/locales reportlab/fonts sqlalchemy/testing \
 && find . -type d -name tests -prune -exec rm -rf {} + \
 && find . -name '*.so' -not -path '*.libs/*' -exec strip --strip-debug {} +

FROM ${BASE} AS runtime
RUN groupadd --gid 10001 packhouse \
 && useradd --uid 10001 --gid packhouse --home-dir /var/lib/packhouse --no-create-home --no-log-init \
    --shell /usr/sbin/nologin packhouse \
 && install --directory --owner=packhouse --group=packhouse --mode=0700 /var/lib/packhouse
COPY --from=build /opt/packhouse /opt/packhouse
ENV PATH=/opt/packhouse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PACKHOUSE_LOG_FORMAT=json \
    PACKHOUSE_DATABASE_URL=sqlite:////var/lib/packhouse/packhouse.db
# The base image brings its standard library without bytecode, and nobody may write any later: each start and each health
# check would compile it anew.
RUN python -m compileall -q -x '/(test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|site-packages|dist-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/packhouse
VOLUME /var/lib/packhouse
USER 10001:10001
EXPOSE 8000
# A start on a busy machine may take its time: what fails meanwhile does not count.
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s CMD ["python", "-m", "packhouse.health"]
ENTRYPOINT ["packhouse"]

FROM runtime AS sandbox
CMD ["sandbox", "--host", "0.0.0.0"]

FROM runtime AS server
CMD ["serve", "--host", "0.0.0.0", "--migrate"]
