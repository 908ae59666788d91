# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="tomcat10 openjdk-17-jre-headless apache2-utils wrk curl"
title="tomcat10, 150 connections" threads="a pool of 200, pollers, the JVM's own"
turns=3
version() { java -cp /usr/share/tomcat10/lib/catalina.jar org.apache.catalina.util.ServerInfo | sed -n 's/Server version: *//p'; }
run()
{
	local p

	p=$(port)
	mkdir -p "$dir"/t/{conf,logs,temp,webapps/ROOT/WEB-INF,work}
	cat >"$dir/t/conf/server.xml" <<-END
	<Server port="-1"><Service name="Catalina">
	<Connector port="$p" address="127.0.0.1" protocol="HTTP/1.1" maxThreads="200" maxKeepAliveRequests="-1"/>
	<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps" autoDeploy="false"/></Engine>
	</Service></Server>
	END
	cp /etc/tomcat10/web.xml "$dir/t/conf"
	head -c 20000 "$library" >"$dir/t/webapps/ROOT/file.bin"
	echo '<% int s = 0; for (int i = 0; i < 1000; i++) s += i; Thread.sleep(1); out.print("sum " + s); %>' >"$dir/t/webapps/ROOT/s.jsp"
	serve java -Xmx256m -Dcatalina.home=/usr/share/tomcat10 -Dcatalina.base="$dir/t" -Djava.io.tmpdir="$dir/t/temp" \
		-cp /usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar org.apache.catalina.startup.Bootstrap start
	# It takes long to start on a busy machine.
	up curl -sf -o /dev/null "http://127.0.0.1:$p/s.jsp" >/dev/null || up curl -sf -o /dev/null "http://127.0.0.1:$p/s.jsp" || return
	timeout 20 curl -s "http://127.0.0.1:$p/file.bin" | cmp - "$dir/t/webapps/ROOT/file.bin" && echo same
	timeout 20 curl -s "http://127.0.0.1:$p/s.jsp"; echo
	timeout 60 ab -q -k -n 4000 -c 100 "http://127.0.0.1:$p/file.bin" >"$dir/ab" 2>&1
	grep -E '^(Complete|Failed) requests' "$dir/ab"
	http_load 150 5 "http://127.0.0.1:$p/s.jsp"
	stop
}
